import { IconButton } from '../parts/controls.tsx';
import { State } from '../parts/glyphs.tsx';
import { dismiss, useNotices } from '../state/notices.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';

const words = texts.shell;

export function Notices() {
  const notices = useNotices((state) => state.notices);
  return (
    <div className="notices" role="status">
      {notices.map(({ id, text }) => (
        <div key={id} className="notice" data-testid={testIds.notice}>
          <State name="warn" size={14} />
          <span>{text}</span>
          <IconButton icon="x" label={words.takeThisAway} iconSize={12} onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
