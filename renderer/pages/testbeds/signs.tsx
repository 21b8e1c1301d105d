import { LayerShape, State } from '../../parts/glyphs.tsx';
import { texts } from '../../texts/texts.ts';

const layers = ['continuum', 'cluster', 'node', 'component'] as const;
const marks = ['act', 'nonact'] as const;

/** What the layers and the marks of decisions mean, before the first of them is seen. */
export function Signs() {
  const { signs } = texts;
  const row = (glyph: React.ReactNode, [term, meaning]: readonly [string, string]) => (
    <div key={term}>
      <dt className="row gap-6 label">
        {glyph}
        {term}
      </dt>
      <dd className="secondary">{meaning}</dd>
    </div>
  );
  return (
    <section className="card signs" aria-label={signs.title}>
      <header className="tall">
        <h2>{signs.title}</h2>
        <span className="secondary">{signs.hint}</span>
      </header>
      <dl>
        {layers.map((name) => row(<LayerShape name={name} />, signs[name]))}
        {marks.map((name) => row(<State name={name} size={13} />, signs[name]))}
      </dl>
    </section>
  );
}
