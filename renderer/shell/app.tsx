import type { ComponentType } from 'react';
import { RunPage } from '../pages/run/run-page.tsx';
import { TestbedsPage } from '../pages/testbeds/testbeds-page.tsx';
import { Sprite } from '../parts/sprite.tsx';
import { type PageName, useNavigation } from '../state/navigation.ts';
import { CommandPalette } from './command-palette.tsx';
import { NavRail } from './nav-rail.tsx';
import { Streams } from './streams.tsx';
import { TimeBar } from './time-bar.tsx';
import { TopBar } from './top-bar.tsx';

/** Pages live only while they are shown: a hidden page has no subscription. Terminals alone stay, because their shells do. */
const pageComponents: Partial<Record<PageName, ComponentType>> = {
  testbeds: TestbedsPage,
  run: RunPage,
};

export function App() {
  const page = useNavigation((state) => state.page);
  const Page = pageComponents[page];
  return (
    <>
      <Sprite />
      <Streams />
      <div className="shell">
        <TopBar />
        <NavRail />
        {Page ? <Page /> : null}
        <TimeBar />
      </div>
      <CommandPalette />
    </>
  );
}
