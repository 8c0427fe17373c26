/** Makes docs/plugins/room-ui.md from sdk.ts and from the plugin that the tests run. */
import ts from 'typescript';
import { ROOM_KEYS } from './registry';

const INTRODUCTION = `# The browser side of a plugin

<!-- Made from ui/room/sdk.ts and ui/room/testing/plugin.js by \`npm run docs\`. Change those. -->

The room page loads your module and calls its default export with one argument, the **room**. All that a plugin
may do with the page goes through it: panels, buttons, things on the stage, badges, entries in the list of people,
messages from your server part, requests to your routes.

## From the hook to the page

1. Your \`room_ui\` hook gives a \`RoomUi\` for the room and viewer at hand. Its \`config\` is JSON that everybody in the
   room may read: nothing secret belongs there.
2. The page imports your module **before** it connects, so no early message is lost. After 8 seconds it goes on without you.
3. \`setup(room)\` registers what you add. What it returns, if it is a function, is called when the room is left.

A plugin in this repository has \`plugins/<name>/ui/room.tsx\`, which Vite builds when the file is there:

\`\`\`tsx
import { definePlugin } from '@audimax/room';

export default definePlugin((room) => {
  room.addControl({ id: 'wave', icon: 'hand', label: room.t('Wave'), onClick: () => room.api.post('/waves') });
});
\`\`\`

A plugin from elsewhere is a plain ES module in its wheel. It needs no build; React comes as \`room.ui\`, so it is
\`className\` and one element around what a component draws ([how to begin](panel.md)):

\`\`\`js
PLUGIN
\`\`\`

## A page of your own

What hosts need before a lecture starts goes on a page: \`Plugin(room_page=…)\` names it, a \`SITE\` view with \`<room_id>\`
renders it, with a template that extends \`plugin_page.html\`, and gives its script \`plugin_page(here.room, "name")\`. A plugin in this repository draws it from \`plugins/<name>/ui/page.tsx\`
with \`openPage((page) => …)\` of \`@audimax/page\`, where \`page\` is the part of the room that works outside a call: \`api\`,
\`storage\`, \`toast\`, \`announce\`, \`t\`. So both may share their components; \`plugins/lobby\` does.

## What you can rely on

- **A mistake of yours stays yours.** Every callback runs behind a fence, every view behind an error boundary. The person reads
  that your plugin stopped working, and the call goes on. \`visible\` that throws means hidden.
- **Packets are true.** \`data:\` and \`text:\` listeners hear the server and the agent, never another participant. Packets say what
  changed and may be missed; fetch your state on \`connected\`, which comes at the beginning
  and after every loss. Anything private is fetched, not sent.
- **The server decides.** \`room.me.isHost\` says what to show. What somebody may do is checked by your view's roles.
- **Callbacks are read again** after \`room.refresh()\`. Call it when something changed that \`badge\`, \`visible\`, \`pressed\`, \`label\` or \`text\` reads.
- **Styles.** Use the tokens and classes of \`ui/site/tokens.css\` and \`ui/site/components.css\` (\`btn\`, \`alert\`, \`field\`, \`muted\` …); they follow
  light and dark. Your own style sheets belong into \`@layer plugins\`. The page's Content-Security-Policy allows neither inline scripts nor \`eval\`.
- **Keys.** A \`shortcut\` is one key. These belong to the room: KEYS. Yours are shown on the sheet that \`?\` opens, and can be switched off there.
- **Icons** are names from \`ui/icons.txt\`, or the address of an SVG file, which takes the colour of the text.
- **Words** go through \`room.t('English text {name}', { name })\`.

## Reference

Room API version VERSION. A plugin that asks for a newer one with \`RoomUi(api_version=…)\` is left out, with a message.
`;

function docOf(node: ts.Node): string {
  const [doc] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  return doc ? (ts.getTextOfJSDocComment(doc.comment) ?? '') : '';
}

function nameOf(node: ts.Statement): string | null {
  const named = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
  return named && node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ? node.name.text : null;
}

function section(node: ts.Statement, name: string, file: ts.SourceFile): string {
  const code = node.getText(file).replace(/^export /, '');
  return [`### ${name}`, docOf(node).replace(/\s*\n\s*/g, ' '), `\`\`\`ts\n${code}\n\`\`\``].filter(Boolean).join('\n\n');
}

function versionIn(sdk: string): string {
  return /API_VERSION = (\d+)/.exec(sdk)?.[1] ?? '';
}

const printable = (key: string) => `\`${key === ' ' ? 'space' : key}\``;

export function roomUiDocs(sdk: string, plugin: string): string {
  const file = ts.createSourceFile('sdk.ts', sdk, ts.ScriptTarget.Latest, true);
  const sections = file.statements.flatMap((node) => {
    const name = nameOf(node);
    return name ? [section(node, name, file)] : [];
  });
  const introduction = INTRODUCTION.replace('PLUGIN', () => plugin.trim())
    .replace('KEYS', [...ROOM_KEYS].map(printable).join(' '))
    .replace('VERSION', versionIn(sdk));
  return `${introduction}\n${sections.join('\n\n')}\n`;
}
