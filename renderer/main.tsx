import { mount } from './mount.tsx';
import { listenForPorts } from './state/channels/message-port.ts';
import { connectWebSocket, takeToken } from './state/channels/web-socket.ts';

if (location.protocol === 'http:' || location.protocol === 'https:') connectWebSocket(takeToken());
else listenForPorts();
mount();
