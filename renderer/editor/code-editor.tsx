import { autocompletion } from '@codemirror/autocomplete';
import { javascript, localCompletionSource as localNames } from '@codemirror/lang-javascript';
import { localCompletionSource as localPythonNames, python } from '@codemirror/lang-python';
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint';
import { unifiedMergeView } from '@codemirror/merge';
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { basicSetup } from 'codemirror';
import { useEffect, useRef } from 'react';
import { testIds } from '../test-ids.ts';
import { colours, look } from './look.ts';
import { completePolicy, type MetricNames } from './policy-completion.ts';

export interface CodeIssue {
  /** From 1. */
  line: number;
  message: string;
}

/** A policy being written. Like the description's editor it lives in a tree of its own, whose styles are made by script. */
export function CodeEditor({
  given,
  against,
  language,
  issues,
  label,
  metricNames,
  onChange,
}: {
  /** What is written at first, and whenever it is another object. */
  given: { text: string };
  against: string | null;
  language: 'typescript' | 'python';
  issues: readonly CodeIssue[];
  label: string;
  /** Of what the testbed measures, offered where a metric is named. */
  metricNames: MetricNames;
  onChange: (value: string) => void;
}) {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<{ view: EditorView; comparison: Compartment; grammar: Compartment } | null>(null);
  const latest = useRef(onChange);
  latest.current = onChange;
  const completing = useRef({ language, metricNames });
  completing.current = { language, metricNames };

  // biome-ignore lint/correctness/useExhaustiveDependencies: made once; what is given later comes in below
  useEffect(() => {
    if (!place.current) return;
    const root = place.current.shadowRoot ?? place.current.attachShadow({ mode: 'open' });
    const [comparison, grammar] = [new Compartment(), new Compartment()];
    const view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: given.text,
        extensions: [
          basicSetup,
          grammar.of([]),
          look,
          colours,
          lintGutter(),
          autocompletion({
            override: [
              (context) => completePolicy(context, completing.current.language, completing.current.metricNames),
              (context) => (completing.current.language === 'python' ? localPythonNames : localNames)(context),
            ],
          }),
          comparison.of([]),
          EditorView.contentAttributes.of({ 'aria-label': label, 'data-testid': testIds.editor }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current(update.state.doc.toString());
          }),
        ],
      }),
    });
    editor.current = { view, comparison, grammar };
    return () => {
      editor.current = null;
      view.destroy();
    };
  }, []);
  useEffect(() => {
    const current = editor.current;
    current?.view.dispatch({
      effects: current.grammar.reconfigure(language === 'python' ? python() : javascript({ typescript: true })),
    });
  }, [language]);
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
  useEffect(() => {
    const view = editor.current?.view;
    if (!view) return;
    const { doc } = view.state;
    const marks = issues.map(({ line, message }): Diagnostic => {
      const at = doc.line(Math.min(Math.max(1, line), doc.lines));
      return { from: at.from, to: at.to, severity: 'error', message };
    });
    view.dispatch(setDiagnostics(view.state, marks));
  }, [issues]);
  return <div ref={place} className="editor" />;
}
