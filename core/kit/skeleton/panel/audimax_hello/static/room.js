/** The panel: a plain ES module, no build, no imports. */
export default function setup(room) {
  const { html, useState } = room.ui;
  let last = '';

  // What the server sends to the topic of this plugin, on every page in the room.
  room.on('data:hello', ({ words }) => {
    last = words;
    room.toast(words);
    room.refresh();
  });

  function Bell() {
    const [words, setWords] = useState(room.plugin.config.words);
    const ring = async (event) => {
      event.preventDefault();
      try {
        await room.api.post('/ring', { words });
      } catch (error) {
        room.toast(error.message, { kind: 'error' });
      }
    };
    return html`
      <div className="stack hello-panel">
        <p>${last || room.t('Nobody has rung yet.')}</p>
        ${
          room.me.isHost &&
          html`
          <form className="stack" onSubmit=${ring}>
            <label className="field">
              ${room.t('Words')}
              <input value=${words} maxLength="200" required onChange=${(event) => setWords(event.target.value)} />
            </label>
            <button type="submit" className="btn btn-primary">${room.t('Ring')}</button>
          </form>
        `
        }
      </div>
    `;
  }

  room.addPanel({ id: 'bell', title: 'Hello', icon: room.plugin.config.icon, component: Bell });
}
