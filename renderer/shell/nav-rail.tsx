import { Icon, type IconName } from '../parts/glyphs.tsx';
import { type PageName, placeHref, useNavigation } from '../state/navigation.ts';
import { useCurrentTestbed } from '../state/testbeds.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';

const words = texts.shell;

const groups: PageName[][] = [
  ['testbeds', 'run', 'topology', 'telemetry', 'decisions', 'applications', 'policies', 'models'],
  ['terminals', 'diagnostics', 'settings'],
];

const withoutTestbed: ReadonlySet<PageName> = new Set(['testbeds', 'terminals', 'diagnostics', 'settings']);

export function NavRail() {
  const { page, go } = useNavigation();
  const testbed = useCurrentTestbed();
  return (
    <nav className="rail" aria-label={words.pages}>
      {groups.map((group, index) => [
        index > 0 ? <hr key={`rule-${group[0]}`} /> : null,
        ...group.map((name) => {
          const needsTestbed = !withoutTestbed.has(name);
          return (
            <a
              key={name}
              href={placeHref({ page: name, testbed: testbed?.name ?? null })}
              className={needsTestbed && !testbed ? 'off' : ''}
              aria-disabled={needsTestbed && !testbed ? true : undefined}
              aria-current={name === page ? 'page' : undefined}
              aria-label={texts.pages[name]}
              title={texts.pages[name]}
              data-testid={testIds.nav(name)}
              onClick={(event) => {
                event.preventDefault();
                go(name, testbed?.name ?? null);
              }}
            >
              <Icon name={name as IconName} size={18} />
              <span>{texts.pages[name]}</span>
            </a>
          );
        }),
      ])}
    </nav>
  );
}
