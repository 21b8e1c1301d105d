/** Every glyph of the app once, as symbols that `glyphs.tsx` refers to. Shapes are those of the visual reference. */
export function Sprite() {
  return (
    <svg width="0" height="0" className="sprite" aria-hidden="true">
      <defs>
        <symbol id="i-testbeds" viewBox="0 0 16 16">
          <rect x="2.5" y="2.5" width="11" height="4.5" rx="1" />
          <rect x="2.5" y="9" width="11" height="4.5" rx="1" />
          <path d="M5 4.75h.01M5 11.25h.01" />
        </symbol>
        <symbol id="i-run" viewBox="0 0 16 16">
          <path d="M2.5 4h7M2.5 8h5M2.5 12h5" />
          <path d="M10 8.2v5.2l4-2.6z" />
        </symbol>
        <symbol id="i-topology" viewBox="0 0 16 16">
          <circle cx="8" cy="3.5" r="1.8" />
          <circle cx="3.5" cy="12.3" r="1.8" />
          <circle cx="12.5" cy="12.3" r="1.8" />
          <path d="M8 5.3v2.9M3.5 10.5V8.2h9v2.3" />
        </symbol>
        <symbol id="i-telemetry" viewBox="0 0 16 16">
          <path d="M2 13.5h12M2.5 10l3-4 2.8 2.6L13 3" />
        </symbol>
        <symbol id="i-decisions" viewBox="0 0 16 16">
          <path d="M2 8h3.5M5.5 8c3 0 2.5-4.5 5.5-4.5h2.5M5.5 8c3 0 2.5 4.5 5.5 4.5h2.5" />
          <path d="M12 2l1.7 1.5L12 5" />
        </symbol>
        <symbol id="i-applications" viewBox="0 0 16 16">
          <rect x="2.5" y="2.5" width="4.5" height="4.5" rx="1" />
          <rect x="9" y="2.5" width="4.5" height="4.5" rx="1" />
          <rect x="2.5" y="9" width="4.5" height="4.5" rx="1" />
          <circle cx="11.25" cy="11.25" r="2.25" />
        </symbol>
        <symbol id="i-models" viewBox="0 0 16 16">
          <path d="M8 1.8l5.4 3v6.4L8 14.2l-5.4-3V4.8z" />
          <path d="M2.6 4.8L8 8l5.4-3.2M8 8v6.2" />
        </symbol>
        <symbol id="i-diagnostics" viewBox="0 0 16 16">
          <path d="M1.8 8.5h2.7l1.7-4.2 3 7.4 1.7-3.2h3.3" />
        </symbol>
        <symbol id="i-terminals" viewBox="0 0 16 16">
          <rect x="1.8" y="2.8" width="12.4" height="10.4" rx="1.5" />
          <path d="M4.5 6l2 2-2 2M8.5 10.2h3" />
        </symbol>
        <symbol id="i-search" viewBox="0 0 16 16">
          <circle cx="7" cy="7" r="4.2" />
          <path d="M10.2 10.2l3.3 3.3" />
        </symbol>
        <symbol id="i-moon" viewBox="0 0 16 16">
          <path d="M13 9.6A5.6 5.6 0 016.4 3a5.6 5.6 0 106.6 6.6z" />
        </symbol>
        <symbol id="i-play" viewBox="0 0 16 16">
          <path d="M5 3.3v9.4l7-4.7z" />
        </symbol>
        <symbol id="i-pause" viewBox="0 0 16 16">
          <path d="M5.5 3.5v9M10.5 3.5v9" />
        </symbol>
        <symbol id="i-chev" viewBox="0 0 16 16">
          <path d="M4.5 6.3L8 9.8l3.5-3.5" />
        </symbol>
        <symbol id="i-chevr" viewBox="0 0 16 16">
          <path d="M6.3 4.5L9.8 8l-3.5 3.5" />
        </symbol>
        <symbol id="i-more" viewBox="0 0 16 16">
          <path d="M3.5 8h.01M8 8h.01M12.5 8h.01" strokeWidth="2" />
        </symbol>
        <symbol id="i-plus" viewBox="0 0 16 16">
          <path d="M8 3v10M3 8h10" />
        </symbol>
        <symbol id="i-minus" viewBox="0 0 16 16">
          <path d="M3 8h10" />
        </symbol>
        <symbol id="i-x" viewBox="0 0 16 16">
          <path d="M4 4l8 8M12 4l-8 8" />
        </symbol>
        <symbol id="i-split" viewBox="0 0 16 16">
          <rect x="2.3" y="3" width="11.4" height="10" rx="1.3" />
          <path d="M8 3v10" />
        </symbol>
        <symbol id="i-key" viewBox="0 0 16 16">
          <circle cx="5" cy="11" r="2.5" />
          <path d="M7 9.2L13 3.2M11 5.2l1.8 1.8" />
        </symbol>
        <symbol id="i-lock" viewBox="0 0 16 16">
          <rect x="3.5" y="7" width="9" height="6.5" rx="1.2" />
          <path d="M5.5 7V5a2.5 2.5 0 015 0v2" />
        </symbol>
        <symbol id="i-download" viewBox="0 0 16 16">
          <path d="M8 2.5v7.5M4.8 7L8 10.2 11.2 7M3 13.3h10" />
        </symbol>
        <symbol id="i-table" viewBox="0 0 16 16">
          <rect x="2.3" y="3" width="11.4" height="10" rx="1.2" />
          <path d="M2.3 6.5h11.4M6.5 6.5V13" />
        </symbol>
        <symbol id="i-refresh" viewBox="0 0 16 16">
          <path d="M13 8a5 5 0 11-1.5-3.6M13.2 2.3v2.9h-2.9" />
        </symbol>
        <symbol id="i-laptop" viewBox="0 0 16 16">
          <rect x="3" y="3" width="10" height="7.5" rx="1" />
          <path d="M1.5 13h13" />
        </symbol>
        <symbol id="i-twin" viewBox="0 0 16 16">
          <circle cx="6" cy="8" r="4" />
          <circle cx="10" cy="8" r="4" strokeDasharray="2 1.6" />
        </symbol>
        <symbol id="i-step" viewBox="0 0 16 16">
          <path d="M4 3.5v9l5.5-4.5zM12 3.5v9" />
        </symbol>
        <symbol id="i-arrow" viewBox="0 0 16 16">
          <path d="M2.5 8h11M9.8 4.3L13.5 8l-3.7 3.7" />
        </symbol>
        <symbol id="s-ok" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="6.5" className="f" />
          <path d="M5.2 8.2l2 2 3.7-4.2" className="k" />
        </symbol>
        <symbol id="s-same" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="5.8" className="s" />
          <path d="M5.5 6.7h5M5.5 9.3h5" className="s" />
        </symbol>
        <symbol id="s-run" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="5.7" className="t" />
          <path d="M8 2.3a5.7 5.7 0 015.7 5.7" className="s2" />
        </symbol>
        <symbol id="s-wait" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="2.2" className="s" />
        </symbol>
        <symbol id="s-held" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="5.8" className="s" />
          <path d="M6.4 5.8v4.4M9.6 5.8v4.4" className="s" />
        </symbol>
        <symbol id="s-bad" viewBox="0 0 16 16">
          <path d="M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2z" className="f" />
          <path d="M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6" className="k" />
        </symbol>
        <symbol id="s-warn" viewBox="0 0 16 16">
          <path d="M8 1.7l6.7 12.1H1.3z" className="f" strokeLinejoin="round" />
          <path d="M8 6v3.6M8 11.7h.01" className="k" />
        </symbol>
        <symbol id="s-info" viewBox="0 0 16 16">
          <rect x="1.8" y="1.8" width="12.4" height="12.4" rx="3.5" className="f" />
          <path d="M8 7.3v3.9M8 4.9h.01" className="k" />
        </symbol>
        <symbol id="s-none" viewBox="0 0 16 16">
          <path d="M5 8h6" className="s" />
        </symbol>
        <symbol id="s-act" viewBox="0 0 16 16">
          <path d="M8 2.3l6 10.7H2z" className="f" />
        </symbol>
        <symbol id="s-nonact" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="4.8" className="s" />
        </symbol>
        <symbol id="l-continuum" viewBox="0 0 16 16">
          <path d="M8 1.2L14.8 8 8 14.8 1.2 8z" />
        </symbol>
        <symbol id="l-cluster" viewBox="0 0 16 16">
          <path d="M8 1.2l5.9 3.4v6.8L8 14.8l-5.9-3.4V4.6z" />
        </symbol>
        <symbol id="l-node" viewBox="0 0 16 16">
          <rect x="2" y="2" width="12" height="12" rx="2" />
        </symbol>
        <symbol id="l-component" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="6" />
        </symbol>
        <symbol id="i-sun" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="3" />
          <path d="M8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M12.6 3.4l-1.1 1.1M4.5 11.5l-1.1 1.1" />
        </symbol>
        <symbol id="i-copy" viewBox="0 0 16 16">
          <rect x="5.5" y="5.5" width="8" height="8" rx="1.2" />
          <path d="M10.5 5.5V3.7a1.2 1.2 0 00-1.2-1.2H3.7a1.2 1.2 0 00-1.2 1.2v5.6a1.2 1.2 0 001.2 1.2h1.8" />
        </symbol>
        <symbol id="i-file" viewBox="0 0 16 16">
          <path d="M4 1.8h5.5L12.5 5v9.2H4z" />
          <path d="M9.3 2v3.2h3" />
        </symbol>
        <symbol id="i-record" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="5.7" />
          <circle cx="8" cy="8" r="2.2" fill="currentColor" />
        </symbol>
        <symbol id="i-settings" viewBox="0 0 16 16">
          <path d="M2.5 4.5h5M11.5 4.5h2M2.5 11.5h2M8.5 11.5h5" />
          <circle cx="9.5" cy="4.5" r="1.9" />
          <circle cx="6.5" cy="11.5" r="1.9" />
        </symbol>
        <symbol id="i-operations" viewBox="0 0 16 16">
          <path d="M10.2 2.3a3.6 3.6 0 00-3.4 5L2.4 11.7a1.3 1.3 0 001.9 1.9l4.4-4.4a3.6 3.6 0 005-3.4c0-.5-.1-.9-.2-1.3l-2.3 2.2-2-2 2.2-2.3c-.4-.1-.8-.1-1.2-.1z" />
        </symbol>
        <symbol id="i-policies" viewBox="0 0 16 16">
          <path d="M8 1.8l5 2v4c0 3.2-2.1 5.3-5 6.4-2.9-1.1-5-3.2-5-6.4v-4z" />
          <path d="M5.8 7.9l1.6 1.6 2.9-3.2" />
        </symbol>
        <symbol id="i-pin" viewBox="0 0 16 16">
          <path d="M5.5 2.3h5M6.3 2.3v4.2L4.4 9h7.2L9.7 6.5V2.3M8 9v4.8" />
        </symbol>
        <symbol id="i-globe" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="5.9" />
          <path d="M2.1 8h11.8M8 2.1c2 1.9 2.6 3.8 2.6 5.9S10 12 8 13.9C6 12 5.4 10.1 5.4 8S6 4 8 2.1z" />
        </symbol>
        <symbol id="i-bell" viewBox="0 0 16 16">
          <path d="M4 7a4 4 0 018 0c0 3.4 1.3 4.4 1.3 4.4H2.7S4 10.4 4 7zM6.7 13.6a1.4 1.4 0 002.6 0" />
        </symbol>
        <marker
          id="arrow-head"
          viewBox="0 0 8 8"
          refX="6.5"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          orient="auto-start-reverse"
        >
          <path d="M1 1l5.5 3L1 7z" fill="context-stroke" />
        </marker>
        <pattern id="hatch-against" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="5" height="5" className="hatch-ground" />
          <path d="M1.5 0V5" className="hatch-line" strokeWidth="2" />
        </pattern>
      </defs>
    </svg>
  );
}
