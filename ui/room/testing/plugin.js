// A whole plugin as a plain ES module: no build, no imports.
export default function setup(room) {
  const { html, useState } = room.ui;
  const { question, choices } = room.plugin.config;
  let votes = {};

  // Packets only say what changed; the state is fetched each time the connection stands.
  const fetchVotes = async () => {
    votes = (await room.api.get('/votes')).votes;
    room.refresh();
  };
  room.on('connected', fetchVotes);
  room.on('data:poll', (packet) => {
    votes = packet.votes;
    room.refresh();
  });

  function Poll() {
    const [mine, setMine] = useState(null);
    const vote = async (choice) => {
      try {
        await room.api.post('/votes', { choice });
        setMine(choice);
        room.announce(room.t('Vote counted'));
      } catch (error) {
        room.toast(error.message, { kind: 'error' });
      }
    };
    return html`
      <div className="stack">
        <p><strong>${question}</strong></p>
        ${choices.map(
          (choice) => html`
            <button key=${choice} type="button" className="btn btn-block" aria-pressed=${mine === choice} onClick=${() => vote(choice)}>
              ${choice}: ${votes[choice] ?? 0}
            </button>
          `,
        )}
      </div>
    `;
  }

  room.addPanel({ id: 'poll', title: room.t('Poll'), icon: 'vote', component: Poll });
  room.addControl({
    id: 'close',
    group: 'more',
    icon: 'chart-column',
    label: room.t('Close the poll'),
    visible: () => room.me.isHost,
    onClick: () => room.api.post('/close'),
  });
}
