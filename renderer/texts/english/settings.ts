import { counted, nouns } from './words.ts';

/** What each setting is called, and what it does. */
export const settings = {
  title: 'Settings',
  sentence: 'Changes hold at once, in every window.',
  waiting: 'Waiting for the core',
  trouble: (what: string) => `${what} The defaults hold; what you change now is kept.`,
  outOfBounds: (from: string, to: string) => `A number from ${from} to ${to}.`,
  wholeOutOfBounds: (from: string, to: string) => `A whole number from ${from} to ${to}.`,
  look: 'Look',
  theme: { title: 'Theme', help: 'As the computer has it, or always one.', system: 'System', light: 'Light', dark: 'Dark' },
  motion: {
    title: 'Motion',
    help: 'Reduced: nothing moves by itself; counts and words tell what goes on.',
    system: 'System',
    reduced: 'Reduced',
  },
  clock: {
    title: 'Clocks',
    help: (local: string) => `In this computer’s time zone (${local}), or in UTC as logs of hosts have it.`,
    local: 'Local',
    utc: 'UTC',
  },
  terminals: 'Terminals',
  terminalFontSize: { title: 'Size of text', help: 'Of shells that are open, too.', unit: 'px' },
  kept: 'What is kept',
  readingsGiB: {
    title: 'Readings of a testbed',
    help: 'Past this the oldest readings go, and their means by the minute stay. Decisions are all kept.',
    unit: 'GiB',
  },
  dataFolder: {
    title: 'Data',
    help: 'Testbeds, readings, decisions and the log lie here.',
    copy: 'Copy the path',
    copied: 'Copied',
  },
  settingsFile: { title: 'These settings', help: 'One file; one that cannot be read is put aside, and the defaults hold.' },
  hosts: 'Hosts on this computer',
  localHostCores: {
    title: 'Cores of each host',
    help: 'Of hosts that are made from now on; those that are there keep theirs.',
    unit: 'cores',
  },
  updates: {
    section: 'Updates',
    title: 'Look for new versions',
    help: 'A packed app asks its publisher every six hours and installs when you quit. The browser and the development tree never ask.',
    off: 'Never',
    latest: 'Releases',
    beta: 'Previews too',
  },
  passwords: {
    title: 'Kept passwords',
    help: 'Encrypted by this computer’s keychain, or by a passphrase of yours where there is none. A password that a host refuses is forgotten by itself.',
    locked: {
      keychain: 'No keychain opened what is kept: hosts ask each time.',
      passphrase: 'Kept, and locked until your passphrase is given: it is asked for when a host needs a password.',
    },
    none: 'None is kept.',
    kept: (count: number) => counted(count, nouns.password),
    forget: 'Forget',
    forgetOf: (testbed: string) => `Forget the passwords of ${testbed}`,
  },
};
