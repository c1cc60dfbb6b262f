import { createHash } from 'node:crypto'

export const STYLE = `
:root { color-scheme: light dark; --ground: #eef1f5; --card: #ffffff; --ink: #16202c; --quiet: #4d5967; --line: #d3dae2; --field: #ffffff; --field-line: #6b7785; --accent: #0b5cad; --on-accent: #ffffff; --bad: #a1232b; --good: #12662f; --good-ground: #e9f6ed; --bad-ground: #fdeeee; --wait-ground: #fff5e0; --wait: #7a4a00; }
@media (prefers-color-scheme: dark) { :root { --ground: #10151b; --card: #1a222b; --ink: #edf1f5; --quiet: #aeb9c5; --line: #37434f; --field: #10151b; --field-line: #8d99a6; --accent: #7db8f2; --on-accent: #0b1622; --bad: #ffa3a8; --good: #8fd6a4; --good-ground: #17321f; --bad-ground: #3b1f22; --wait-ground: #3a2c12; --wait: #f4c676; } }
@media (prefers-contrast: more) { :root { --quiet: var(--ink); --line: var(--ink); --field-line: var(--ink); } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink); font: 16px/1.5 "Segoe UI", system-ui, -apple-system, sans-serif; }
h1, h2, p, dl, dd { margin: 0; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.bar { max-width: 680px; margin: 0 auto; padding: 12px 20px; display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: center; justify-content: space-between; min-height: 60px; }
.brand { font-weight: 650; letter-spacing: -0.01em; }
.who { display: flex; flex-wrap: wrap; gap: 0 12px; align-items: center; font-size: 14px; color: var(--quiet); overflow-wrap: anywhere; }
.who button { min-height: 36px; padding: 0; border: 0; background: none; color: var(--accent); font: inherit; text-decoration: underline; cursor: pointer; }
main { max-width: 680px; margin: 0 auto 40px; background: var(--card); border: 1px solid var(--line); border-radius: 16px; overflow: hidden; }
section { padding: 24px 28px; border-top: 1px solid var(--line); }
.head { padding: 28px 28px 22px; }
.head p + h1, .state + h1 { margin-top: 14px; }
h1 { font-size: 24px; line-height: 1.3; font-weight: 620; letter-spacing: -0.01em; overflow-wrap: anywhere; white-space: pre-wrap; }
h2 { font-size: 16px; font-weight: 620; margin-bottom: 6px; }
.lead { margin-top: 12px; color: var(--quiet); overflow-wrap: anywhere; }
.state { display: inline-block; padding: 3px 12px; border-radius: 999px; font-size: 14px; font-weight: 600; border: 1px solid currentColor; color: var(--quiet); }
.state.waits { color: var(--wait); background: var(--wait-ground); }
.state.good { color: var(--good); background: var(--good-ground); }
.state.bad { color: var(--bad); background: var(--bad-ground); }
.notice { padding: 14px 28px; font-weight: 600; border-top: 1px solid var(--line); border-left: 5px solid var(--bad); background: var(--bad-ground); overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: 150px minmax(0, 1fr); gap: 12px 20px; }
dt { color: var(--quiet); }
dd { overflow-wrap: anywhere; }
dd span { display: block; }
.exact { font-family: ui-monospace, "Cascadia Mono", Consolas, monospace; font-size: 15px; white-space: pre-wrap; }
blockquote { margin: 10px 0 0; padding-left: 14px; border-left: 3px solid var(--line); overflow-wrap: anywhere; }
label { display: block; font-weight: 600; }
.hint { color: var(--quiet); font-size: 14px; font-weight: 400; }
textarea { display: block; width: 100%; min-height: 88px; margin: 8px 0 16px; padding: 10px 12px; border: 1px solid var(--field-line); border-radius: 8px; background: var(--field); color: var(--ink); font: inherit; resize: vertical; }
.choice { display: flex; gap: 12px; }
.choice button { flex: 1; min-height: 48px; padding: 10px 20px; border-radius: 10px; border: 2px solid var(--accent); background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 620; cursor: pointer; }
.choice button.no { border-color: var(--bad); background: transparent; color: var(--bad); }
.foot { padding: 14px 28px; border-top: 1px solid var(--line); font-size: 14px; color: var(--quiet); overflow-wrap: anywhere; }
@media (max-width: 560px) {
main { margin: 0 0 24px; border-left: 0; border-right: 0; border-radius: 0; }
.head, section, .notice, .foot { padding-left: 20px; padding-right: 20px; }
h1 { font-size: 21px; }
dl { grid-template-columns: minmax(0, 1fr); gap: 2px; }
dd { margin-bottom: 12px; }
dd:last-child { margin-bottom: 0; }
}
`

/** Content-Security-Policy: allows only this style sheet, by its hash, and no script. */
export const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')
