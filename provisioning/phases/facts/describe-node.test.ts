import { describe, expect, it } from 'vitest';
import { parseDescription } from '../../../agents/descriptions/parse.ts';
import { exampleFacts, exampleTestbed } from '../support/context-double.ts';
import { describeNode } from './describe-node.ts';

const [management, , worker] = exampleTestbed().hosts;

describe('the description of a node', () => {
  it('holds what was measured, and leaves out what was not', () => {
    const facts = exampleFacts(worker!, {
      cpuModel: 'Cortex-A72',
      architecture: 'arm64',
      memoryBytes: 4.1e9,
      boot: { parameters: [], file: null, board: 'Raspberry Pi 4 Model B' },
      interfaces: [
        { name: 'eth0', kind: 'ethernet', macAddress: '52:54:00:00:00:01', up: true, speedMbps: 1000 },
        { name: 'wlan0', kind: 'wifi', macAddress: '52:54:00:00:00:02', up: false, speedMbps: null },
        { name: 'docker0', kind: 'virtual', macAddress: null, up: false, speedMbps: null },
      ],
      hardware: {
        frequenciesGhz: [0.6, 1.5],
        diskBytes: 6.4e10,
        gpus: [{ model: 'NVIDIA Tegra', memoryBytes: null }],
        rapl: [],
        batteries: [{ name: 'BAT0', fullWh: 50 }],
        powerSensors: [],
        mains: false,
      },
    });
    const description = describeNode(facts, worker!);
    expect(description).toEqual({
      name: 'worker-1',
      labels: ['mlsysops.eu/site=roof'],
      continuum_layer: ['edge'],
      cluster_id: 'cluster1',
      availability: 'transient',
      environment: { node_type: 'native', os: 'ubuntu', container_runtime: ['containerd'] },
      hardware: {
        cpu: { model: 'Cortex-A72', architecture: 'arm64', cores: 4, frequency: [0.6, 1.5] },
        memory: 4.1,
        disk: 64,
        gpu: { model: 'NVIDIA Tegra', instances: 1 },
      },
      network_resources: {
        basic_interface: { name: 'ethernet', interface_name: 'eth0' },
        redirection_interface: [{ connection_type: 'wifi', interface_name: 'wlan0', hardware_address: '52:54:00:00:00:02' }],
      },
      power: { grid: false, battery: { capacity: { levels: [50], measurement_unit: 'Wh' } } },
    });
    // As a file, it is one that the agents read.
    expect(parseDescription(JSON.stringify({ MLSysOpsNode: description }), 'worker-1.json')).toMatchObject({
      kind: 'MLSysOpsNode',
    });
  });

  it('of a virtual server says so, and what its processors may take at most', () => {
    const { hardware } = exampleFacts(management!);
    const rapl = [15, 45].map((mostW) => ({ name: `package-${mostW}`, mostW }));
    const facts = exampleFacts(management!, { virtualMachine: 'kvm', hardware: { ...hardware, rapl } });
    expect(describeNode(facts, management!)).toMatchObject({
      continuum_layer: ['cloud'],
      availability: 'stable',
      environment: { node_type: 'virtualized' },
      power: { max_consumption: { value: 60, measurement_unit: 'w' }, grid: true },
    });
  });
});
