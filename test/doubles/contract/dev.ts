import { mount } from '../../../renderer/mount.tsx';
import { attachClient } from '../../../renderer/state/connection.ts';
import { createContractDouble, type Scenario } from './client.ts';

const scenario = new URLSearchParams(location.search).get('scenario') as Scenario | null;
attachClient(createContractDouble(scenario ?? 'up'));
mount();
