import type { RunContext, Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { packedRuntimeFolder } from '../facts/runtime.ts';
import { fileStep } from '../support/files.ts';
import { installStep } from '../support/install.ts';
import type { PhaseTools } from '../support/options.ts';
import { allOf, complain, keepFormer, notesFolder, restartIfActive, restoreFormer, script, undoing } from '../support/shell.ts';
import { unpackStep } from '../support/unpack.ts';
import { isPacked, type RuntimePart, runtimeParts, type Source } from './sources.ts';

/** Beside what the distribution or anybody else has put on the host: nothing of it is written over. */
export const packedCniFolder = `${packedRuntimeFolder}/cni`;
export const packedRunc = `${packedRuntimeFolder}/runc/runc`;
const containerdFolder = `${packedRuntimeFolder}/containerd`;
export const plugins = ['bridge', 'host-local', 'portmap', 'loopback'];

/** What goes onto a host because no package of its distribution will do. Each title says why. */
export async function packedSteps(
  tools: PhaseTools,
  context: RunContext,
  host: Host,
  sources: Record<RuntimePart, Source>,
): Promise<Step[]> {
  const titleOf = (source: Source & { why: string }) => (what: string) => `Install ${what} of the ${source.from}: ${source.why}`;
  const { containerd, runc, 'cni-plugins': cni } = sources;
  const steps = nowhereSteps(sources);
  if (isPacked(containerd)) {
    const programs = ['bin/containerd', 'bin/ctr', 'bin/containerd-shim-runc-v2'];
    const artefact = { name: 'containerd', folder: containerdFolder, programs, service: 'containerd' };
    steps.push(await unpackStep(tools, context, host, { ...artefact, title: titleOf(containerd) }), keepContainerdUnit);
  }
  if (isPacked(runc)) {
    const step = await installStep(tools, context, host, { name: 'runc', target: packedRunc });
    steps.push({ ...step, title: titleOf(runc)(step.title.replace(/^Install /, '')) });
  }
  if (isPacked(cni)) {
    const artefact = { name: 'cni-plugins', folder: packedCniFolder, programs: plugins };
    steps.push(await unpackStep(tools, context, host, { ...artefact, title: titleOf(cni) }));
  }
  return [...steps, isPacked(containerd) ? containerdUnitStep : noContainerdUnitStep];
}

/** One for each part that nobody has in a version that fits. An upgrade looks at them before it touches anything. */
export const nowhereSteps = (sources: Record<RuntimePart, Source>): Step[] =>
  runtimeParts.flatMap((part) => {
    const source = sources[part];
    return source.from === 'nowhere' ? [nowhereStep(part, source.why)] : [];
  });

/** Fails with the reason; what fits has to be had first. */
const nowhereStep = (part: RuntimePart, why: string): Step => ({
  id: `needs-${part}`,
  title: `Find a ${part} that fits`,
  observe: 'false',
  change: script(complain(`no ${part} fits: ${why}`), 'exit 1'),
  remedies: [
    {
      pattern: /^no \S+ fits: /m,
      cause: why,
      remedy: `Make the bundle anew with ${part} ("bundle create"), or bring a newer ${part} onto the host yourself`,
    },
  ],
});

const unitFile = '/etc/systemd/system/containerd.service';
const isOurs = `grep -q '^# Written by MLSysOps' ${unitFile} 2>/dev/null`;
/** There was no containerd before ours: what it keeps goes with it. */
const madeDataNote = `${notesFolder}/made-containerd-data`;

const keepContainerdUnit: Step = {
  id: 'keep-containerd-unit',
  title: "Keep the host's former unit of containerd",
  observe: allOf(`{ ${isOurs} || { [ ! -e ${unitFile} ] && [ -e /var/lib/containerd ]; }; }`),
  change: script(`mkdir -p ${notesFolder}`, keepFormer(unitFile), `[ -e /var/lib/containerd ] || : >${madeDataNote}`),
  verify: ':',
};

/** Takes our unit away; the host's own containerd goes on with what it finds, where it has one. */
const takeAwayUnit = [
  restoreFormer(unitFile),
  'systemctl daemon-reload',
  'if systemctl cat containerd >/dev/null 2>&1; then',
  restartIfActive('containerd'),
  'else',
  '  systemctl stop containerd 2>/dev/null',
  '  rm -f /etc/systemd/system/multi-user.target.wants/containerd.service',
  '  systemctl daemon-reload; systemctl reset-failed containerd 2>/dev/null',
  `  if [ -e ${madeDataNote} ]; then rm -rf /var/lib/containerd /run/containerd; rmdir /etc/containerd 2>/dev/null; fi`,
  'fi',
  `rm -f ${madeDataNote}`,
];

const containerdUnitStep: Step = {
  ...fileStep({
    id: 'containerd-unit',
    title: 'Have systemd start that containerd',
    files: [{ path: unitFile, mode: '0644', content: containerdUnit() }],
    // One of the distribution may be running.
    afterwards: ['systemctl daemon-reload', restartIfActive('containerd')].join('\n'),
  }),
  undo: undoing(`if ${isOurs}; then`, ...takeAwayUnit, 'fi'),
};

/** The distribution's has come to fit meanwhile, or always did. */
const noContainerdUnitStep: Step = {
  id: 'containerd-unit',
  title: "Have systemd start the distribution's containerd",
  observe: allOf(`! ${isOurs}`),
  change: script('set +e', ...takeAwayUnit, 'set -e', `rm -rf ${containerdFolder}`),
  undo: undoing(`if ${isOurs}; then`, ...takeAwayUnit, 'fi', `rm -rf ${packedRuntimeFolder}`),
};

/** As containerd's publisher ships it (containerd.service of its repository), with our folder. */
function containerdUnit(): string {
  return `# Written by MLSysOps Desktop; "testbed down" takes it away.
[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target dbus.service

[Service]
Environment=PATH=${packedRuntimeFolder}/runc:${containerdFolder}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStartPre=-/sbin/modprobe overlay
ExecStart=${containerdFolder}/bin/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
`;
}
