import {
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  completionKeymap,
} from '@codemirror/autocomplete';
import { yaml } from '@codemirror/lang-yaml';
import { type Diagnostic, linter, lintGutter } from '@codemirror/lint';
import { unifiedMergeView } from '@codemirror/merge';
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { basicSetup } from 'codemirror';
import { useEffect, useRef } from 'react';
import { currentClient } from '../state/connection.ts';
import { testIds } from '../test-ids.ts';
import { colours, look } from './look.ts';

const checkAfterMs = 250;

async function complete(context: CompletionContext): Promise<CompletionResult | null> {
  if (!context.explicit && !context.matchBefore(/[\w-]+$/)) return null;
  const description = context.state.doc.toString();
  const { from, options } = await currentClient().call('applications.complete', { description, offset: context.pos });
  if (options.length === 0) return null;
  return {
    from,
    options: options.map(
      ({ label, detail, kind }): Completion => ({
        label,
        detail,
        type: kind === 'key' ? 'property' : 'enum',
        apply: kind === 'key' ? `${label}: ` : label,
      }),
    ),
    validFor: /^[\w-]*$/,
  };
}

async function check(view: EditorView): Promise<Diagnostic[]> {
  const { doc } = view.state;
  const { issues } = await currentClient().call('applications.check', { description: doc.toString() });
  return issues.map(({ line, message }) => {
    const at = doc.line(Math.min(line, doc.lines));
    const from = at.from + (/^\s*/.exec(at.text)?.[0].length ?? 0);
    return { from: Math.min(from, at.to), to: at.to, severity: 'error', message };
  });
}

/**
 * A description being written: keys and values are offered as one types, and what is wrong stands where it is. In a tree of its own, whose
 * styles are made by script: our content security policy allows no others. `against`: what it is compared with, line by line.
 */
export function DescriptionEditor({
  given,
  against,
  label,
  onChange,
}: {
  /** What is written at first, and whenever it is another object: not what was typed here, which may be ahead of it. */
  given: { text: string };
  against: string | null;
  label: string;
  onChange: (value: string) => void;
}) {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<{ view: EditorView; comparison: Compartment } | null>(null);
  const latest = useRef(onChange);
  latest.current = onChange;

  // biome-ignore lint/correctness/useExhaustiveDependencies: made once; what is given later comes in below
  useEffect(() => {
    if (!place.current) return;
    const root = place.current.shadowRoot ?? place.current.attachShadow({ mode: 'open' });
    const comparison = new Compartment();
    const view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: given.text,
        extensions: [
          basicSetup,
          keymap.of(completionKeymap),
          yaml(),
          look,
          colours,
          lintGutter(),
          linter(check, { delay: checkAfterMs }),
          autocompletion({ override: [complete] }),
          comparison.of([]),
          EditorView.contentAttributes.of({ 'aria-label': label, 'data-testid': testIds.editor }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current(update.state.doc.toString());
          }),
        ],
      }),
    });
    editor.current = { view, comparison };
    return () => {
      editor.current = null;
      view.destroy();
    };
  }, []);

  useEffect(() => {
    const view = editor.current?.view;
    if (!view || view.state.doc.toString() === given.text) return;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: given.text } });
  }, [given]);
  useEffect(() => {
    const current = editor.current;
    if (!current) return;
    const extension = against === null ? [] : unifiedMergeView({ original: against, mergeControls: false, gutter: true });
    current.view.dispatch({ effects: current.comparison.reconfigure(extension) });
  }, [against]);
  return <div ref={place} className="editor" />;
}
