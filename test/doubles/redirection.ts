import type { Detour, Redirection, RedirectionView } from '../../agents/host/redirection.ts';

/** Double of a host whose pods' traffic can be redirected: it keeps the ways that it is given, and goes nowhere. */
export class RedirectionDouble implements Redirection {
  readonly detours = new Map<string, Detour>();
  readonly interfaces: RedirectionView['interfaces'] = [
    { name: 'eth0', isUp: true, gateway: '192.0.2.1', isPointToPoint: false },
    { name: 'wlan0', isUp: true, isPointToPoint: false },
    { name: 'wwan0', isUp: true, isPointToPoint: true },
    { name: 'wlan1', isUp: false, isPointToPoint: false },
  ];
  writes = 0;

  async look(): Promise<RedirectionView> {
    return { interfaces: this.interfaces, detours: [...this.detours].map(([podIp, detour]) => ({ podIp, detour })) };
  }

  async write(podIp: string, detour: Detour | undefined): Promise<() => Promise<void>> {
    const former = this.detours.get(podIp);
    const set = async (wanted: Detour | undefined): Promise<void> => {
      this.writes += 1;
      if (wanted) this.detours.set(podIp, wanted);
      else this.detours.delete(podIp);
    };
    await set(detour);
    return () => set(former);
  }
}
