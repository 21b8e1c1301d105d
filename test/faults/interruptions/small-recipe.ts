import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Failure } from '../../../provisioning/run/failure.ts';
import type { Phase, Step } from '../../../provisioning/run/phase.ts';

/** Everything that the recipe brings about lies here. */
export const folder = '/var/tmp/interrupted';
/** Lines of steps that were applied where they had been, or while they were being applied: nothing may ever stand here. */
export const violations = '/var/tmp/interrupted-violations';

/**
 * A recipe in small that has what the real one has: a service that does not outlive a restart, a large file, a thing that must be made once
 * (as a cluster is), others that join it by what it says (as by a token), and a check at the end. Each change says when it is wrongly applied.
 */
export function smallRecipe(largeFile: string): Phase[] {
  const sha256 = createHash('sha256').update(readFileSync(largeFile)).digest('hex');
  const once = (id: string, observe: string, change: string): Pick<Step, 'observe' | 'change'> => ({
    observe,
    change: `exec 7>/run/interrupted-${id}.lock
flock -n 7 || echo "${id}: twice at once" >>${violations}
if (
${observe}
) then echo "${id}: twice" >>${violations}; fi
${change}`,
  });
  const fileStep = (id: string, more: Partial<Step> = {}): Step => ({
    id,
    title: `Make ${id}`,
    ...once(id, `[ -e ${folder}/${id} ]`, `sleep 0.03; echo ${id} >${folder}/.${id} && mv ${folder}/.${id} ${folder}/${id}`),
    undo: `rm -f ${folder}/${id}`,
    ...more,
  });
  return [
    {
      id: 'prepare',
      title: 'Prepare',
      steps: () => [
        {
          id: 'folder',
          title: 'Make a folder',
          observe: `[ -d ${folder} ]`,
          change: `mkdir -p ${folder}`,
          undo: `rm -rf ${folder}`,
        },
        fileStep('first'),
        {
          id: 'service',
          title: 'Start a service',
          ...once('service', '[ -e /run/interrupted-service ]', 'touch /run/interrupted-service'),
          undo: 'rm -f /run/interrupted-service',
        },
        fileStep('second'),
      ],
    },
    {
      id: 'install',
      title: 'Install',
      steps: () => [
        {
          id: 'large',
          title: 'Install a large file',
          filesEarly: true,
          files: async () => [{ path: `${folder}/large`, mode: '0644', localPath: largeFile, sha256 }],
          observe: `[ "$(sha256sum <${folder}/large | cut -d ' ' -f 1)" = ${sha256} ]`,
          change: ':',
          undo: `rm -f ${folder}/large*`,
        },
        fileStep('installed'),
      ],
    },
    {
      id: 'init',
      title: 'Make what there is one of',
      steps: ({ role }) =>
        role !== 'management'
          ? []
          : [
              {
                id: 'init',
                title: 'Make it',
                ...once(
                  'init',
                  `[ -s ${folder}/id ]`,
                  `head -c 9 /dev/urandom | base64 >${folder}/.id; sleep 0.05; mv ${folder}/.id ${folder}/id`,
                ),
                undo: `rm -f ${folder}/id`,
              },
            ],
    },
    {
      id: 'join',
      title: 'Join it',
      needs: (host, { hosts }) => [
        { host: host.name, phase: 'install' },
        ...hosts.filter(({ role }) => role === 'management').map(({ name }) => ({ host: name, phase: 'init' })),
      ],
      steps: async (host, context) => {
        const management = context.testbed.hosts.find(({ role }) => role === 'management')!;
        if (host === management) return [];
        const readId = async () => (await context.execute(management.name, `cat ${folder}/id 2>/dev/null; :`)).trim();
        // As a node is known to its control plane: what has joined one that was made anew since has not joined.
        const present = await readId();
        const observe = `[ -s ${folder}/joined ] && [ "$(cat ${folder}/joined)" = '${/^[\w+/=]{12}$/.test(present) ? present : 'none'}' ]`;
        return [
          {
            id: 'join',
            title: 'Join it',
            observe,
            verify: `[ -s ${folder}/joined ]`,
            change: async () => {
              const id = await readId();
              if (!/^[\w+/=]{12}$/.test(id))
                throw new Failure({ code: 'step', host: management.name, cause: `it has no id: ${id}` });
              return `${once('join', observe, '').change}
echo ${id} >${folder}/.joined; sleep 0.05; mv ${folder}/.joined ${folder}/joined`;
            },
            undo: `rm -f ${folder}/joined`,
          },
          fileStep('last'),
        ];
      },
    },
    {
      id: 'verify',
      title: 'Verify',
      needs: (_host, { hosts }) =>
        hosts.flatMap(({ name }) => ['init', 'join', 'install'].map((phase) => ({ host: name, phase }))),
      steps: () => [
        {
          id: 'service-runs',
          title: 'See the service run',
          observe: 'false',
          change: ':',
          verify: '[ -e /run/interrupted-service ]',
        },
      ],
      after: async (context) => {
        const ids = await Promise.all(
          context.testbed.hosts.map(({ name, role }) =>
            context.execute(name, `cat ${folder}/${role === 'management' ? 'id' : 'joined'}`, { phase: 'verify' }),
          ),
        );
        if (new Set(ids).size > 1)
          throw new Failure({ code: 'step', phase: 'verify', cause: 'not all have joined the same one' });
      },
    },
  ];
}
