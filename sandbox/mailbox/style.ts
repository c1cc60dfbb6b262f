export const STYLE = `
:root { color-scheme: light dark; --ground: #eef1f5; --card: #fff; --ink: #16202c; --quiet: #55616f; --line: #d9dfe6; --accent: #0b5cad; --on-accent: #fff; --hover: #f3f7fb; --chosen: #e3effb; }
@media (prefers-color-scheme: dark) { :root { --ground: #10151b; --card: #1a222b; --ink: #edf1f5; --quiet: #a5b1be; --line: #323d49; --accent: #7db8f2; --on-accent: #0b1622; --hover: #222c37; --chosen: #23374b; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100dvh; display: flex; flex-direction: column; background: var(--ground); color: var(--ink); font: 16px/1.45 system-ui, sans-serif; }
h1, h2, p, ul { margin: 0; padding: 0; }
ul { list-style: none; }
a { color: inherit; text-decoration: none; }
a:focus-visible, iframe:focus-visible { outline: 3px solid var(--accent); outline-offset: -3px; }
.bar { display: flex; gap: 12px; align-items: center; justify-content: space-between; padding: 12px 16px; background: var(--card); border-bottom: 1px solid var(--line); }
.bar a { min-height: 32px; display: inline-grid; place-items: center; font-weight: 600; font-size: 18px; color: var(--accent); }
.sandbox { padding: 2px 10px; border: 1px solid var(--line); border-radius: 999px; font-size: 13px; color: var(--quiet); }
.about, time { color: var(--quiet); font-size: 14px; overflow-wrap: anywhere; }
.empty { padding: 24px 16px; color: var(--quiet); }
.people { width: 100%; max-width: 560px; margin: 24px auto; background: var(--card); border: 1px solid var(--line); border-radius: 14px; overflow: hidden; }
.people h1 { padding: 20px 20px 14px; font-size: 22px; }
.people li a { display: grid; grid-template-columns: 40px minmax(0, 1fr) auto; gap: 0 14px; padding: 10px 20px; border-top: 1px solid var(--line); align-items: center; }
.people li a:hover, .list li a:hover { background: var(--hover); }
.initials { grid-row: span 2; width: 40px; height: 40px; border-radius: 50%; display: grid; place-items: center; background: var(--accent); color: var(--on-accent); font-size: 15px; font-weight: 600; }
.who { font-weight: 600; }
.people .about { grid-column: 2; grid-row: 2; }
.count { grid-column: 3; grid-row: 1 / span 2; color: var(--quiet); font-size: 14px; }
.mailbox { flex: 1; display: grid; grid-template-columns: 340px minmax(0, 1fr); }
.list { background: var(--card); border-right: 1px solid var(--line); }
.list h1 { padding: 20px 16px 0; font-size: 20px; }
.list > .about { padding: 0 16px 14px; }
.list li a { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 2px 12px; padding: 12px 16px; border-top: 1px solid var(--line); border-left: 4px solid transparent; }
.list a[aria-current] { background: var(--chosen); border-left-color: var(--accent); }
.list a[aria-current] time, .list a[aria-current] .from { color: var(--ink); }
.from { color: var(--quiet); font-size: 14px; overflow-wrap: anywhere; }
.subject { grid-column: 1 / -1; font-weight: 600; overflow-wrap: anywhere; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; }
article { display: flex; flex-direction: column; min-width: 0; }
article header { padding: 20px 24px 16px; border-bottom: 1px solid var(--line); background: var(--card); }
article h1 { margin-bottom: 6px; font-size: 20px; line-height: 1.3; overflow-wrap: anywhere; }
article header p { color: var(--quiet); font-size: 14px; overflow-wrap: anywhere; }
iframe { flex: 1; width: 100%; min-height: 760px; border: 0; background: #eef1f5; }
.back { display: none; }
@media (max-width: 760px) {
  .mailbox { grid-template-columns: minmax(0, 1fr); }
  .list { border-right: 0; }
  .mailbox:not(.reading) > article, .mailbox.reading > .list, .mailbox > .none { display: none; }
  .list a[aria-current] { background: none; border-left-color: transparent; }
  .back { display: block; padding: 12px 16px; background: var(--card); color: var(--accent); font-weight: 600; }
  .back::before { content: "← "; }
  article header { padding: 4px 16px 16px; }
}
`
