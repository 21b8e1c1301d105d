import { stringify } from 'yaml';
import type { ApplicationDescription } from '../../../agents/descriptions/application.ts';
import { checkMeaning } from '../../../agents/descriptions/semantics.ts';
import { sampleImage } from '../../../provisioning/phases/agents/sample-image.ts';
import type { Testbed } from '../../../provisioning/testbed/schema.ts';
import { wrong } from './reach.ts';

const node = '/opt/mlsysops/node/bin/node';
const metricsPort = 9110;
const tcpPort = 9111;

/** OpenMetrics of one counter, on the metrics port. */
const exposing = (counter: string): string =>
  `require('http').createServer((q, a) => a.setHeader('content-type', 'application/openmetrics-text; version=1.0.0').end('# TYPE ${counter} counter\\n${counter}_total ' + n + '\\n# EOF\\n')).listen(${metricsPort})`;

const server = `let n = 0;
require('net').createServer((s) => { s.on('data', (d) => { n += d.toString().split('\\n').length - 1 }); s.on('error', () => {}) }).listen(${tcpPort});
${exposing('test_received_counter')}`;

/** Thirty messages, one a second. A server that is not there, or moves, is tried again. */
const client = `let n = 0, s = null;
const connect = () => { const c = require('net').connect(${tcpPort}, process.env.SERVER_SERVICE_HOST || 'server'); c.on('connect', () => { s = c }); c.on('error', () => {}); c.on('close', () => { s = null; setTimeout(connect, 1000) }) };
connect();
setInterval(() => { if (s && n < 30) { s.write('hello\\n'); n++ } }, 1000);
${exposing('test_sent_counter')}`;

/**
 * The framework's test application for a testbed: a TCP client and a server, on workers of one cluster, with the targets that the framework's own
 * has. Its image is the one that each node of a testbed has anyway. @throws Failure when the cluster has no worker
 */
export function testApplication({ name, hosts }: Testbed, cluster?: string): string {
  const workers = hosts.filter((host) => host.role === 'worker' && (cluster === undefined || host.cluster === cluster));
  const [first] = workers;
  const last = workers.findLast((host) => host.cluster === first?.cluster);
  if (!first || !last)
    throw wrong(`${name} has no worker${cluster === undefined ? '' : ` in a cluster "${cluster}"`}`, 'Name another cluster');
  const component = (own: 'client' | 'server', host: string, script: string): ApplicationDescription['components'][number] => ({
    metadata: { name: own },
    node_placement: { node: host },
    ...(own === 'client' && { depends_on: ['server'] }),
    restart_policy: 'Always',
    qos_metrics: [
      own === 'client'
        ? { application_metric_id: 'test_sent_counter_total', target: 30, relation: 'equal' }
        : { application_metric_id: 'test_received_counter_total', target: 20, relation: 'lower_or_equal' },
    ],
    containers: [
      {
        image: sampleImage,
        image_pull_policy: 'IfNotPresent',
        command: [node, '-e', script],
        platform_requirements: { cpu: { requests: '50m' }, memory: { requests: '64Mi' } },
        ports: [
          { name: 'metrics', container_port: metricsPort, protocol: 'TCP' },
          ...(own === 'server' ? [{ name: 'tcp', container_port: tcpPort, protocol: 'TCP' as const }] : []),
        ],
      },
    ],
  });
  const application: ApplicationDescription = {
    name: 'test-application',
    cluster_placement: { cluster_id: [first.cluster], instances: 1 },
    components: [component('server', last.name, server), component('client', first.name, client)],
    component_interactions: [{ component_name1: 'client', type: 'egress', component_name2: 'server' }],
    permitted_actions: ['component_relocation'],
    global_satisfaction: {
      threshold: 0.7,
      relation: 'greater_or_equal',
      achievement_weights: [
        { metric_id: 'test_received_counter_total', weight: 0.5 },
        { metric_id: 'test_sent_counter_total', weight: 0.5 },
      ],
    },
  };
  const [issue] = checkMeaning({ kind: 'MLSysOpsApp', value: application });
  if (issue) throw new Error(`the test application contradicts itself: ${issue.message}`);
  return stringify({ MLSysOpsApp: application }, { lineWidth: 0 });
}
