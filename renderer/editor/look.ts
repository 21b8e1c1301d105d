import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

/** Colours of the theme: they are custom properties, which reach into the editor's own tree. */
export const look = EditorView.theme({
  '&': { height: '100%', color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: '12px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-mono)', lineHeight: '19px' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--text-3)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--hover)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--accent-bg)',
  },
  '.cm-tooltip': {
    backgroundColor: 'var(--overlay)',
    color: 'var(--text)',
    border: '1px solid var(--line-2)',
    borderRadius: '6px',
    boxShadow: 'var(--shadow-3)',
  },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent-bg)', color: 'var(--text)' },
  '.cm-completionDetail': { color: 'var(--text-3)', fontStyle: 'normal' },
  '.cm-diagnostic': { fontFamily: 'var(--font-ui)', padding: '6px 10px' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--bad)' },
  '.cm-panels': { backgroundColor: 'var(--surface-2)', color: 'var(--text)' },
  '.cm-changedLine': { backgroundColor: 'var(--ok-bg)' },
  '.cm-changedText': { background: 'none', borderBottom: '2px solid var(--ok)' },
  '.cm-deletedChunk': { backgroundColor: 'var(--bad-bg)' },
});

export const colours = syntaxHighlighting(
  HighlightStyle.define([
    { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent-text)' },
    { tag: [tags.keyword, tags.operatorKeyword, tags.modifier, tags.controlKeyword], color: 'var(--accent-text)' },
    { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: 'var(--cluster)' },
    { tag: [tags.typeName, tags.className], color: 'var(--node)' },
    { tag: [tags.string, tags.content], color: 'var(--text)' },
    { tag: [tags.number, tags.bool, tags.null], color: 'var(--info)' },
    { tag: tags.comment, color: 'var(--text-3)' },
    { tag: [tags.punctuation, tags.separator], color: 'var(--text-3)' },
  ]),
);
