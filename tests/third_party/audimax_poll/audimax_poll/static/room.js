/** Polls: a panel in which hosts ask and everybody votes. */
export default function setup(room) {
  const { html, useState, useId } = room.ui;
  const { t, me } = room;
  let polls = [];
  let failed = '';

  // --- what is known ---

  // A packet may be late: nobody opens a closed poll again. What I chose only the server's answers say.
  const put = (poll) => {
    const known = polls.find((one) => one.id === poll.id);
    if (known && !known.is_open && poll.is_open) return;
    const merged = { ...poll, mine: poll.mine ?? known?.mine ?? null, counts: poll.counts ?? null };
    polls = known ? polls.map((one) => (one.id === poll.id ? merged : one)) : [...polls, merged];
  };

  const fetchPolls = async () => {
    try {
      const { polls: found } = await room.api.get('/polls');
      polls = [];
      found.forEach(put);
      failed = '';
    } catch (error) {
      failed = error.message;
    }
    room.refresh();
  };

  room.on('connected', fetchPolls);
  room.on('data:poll', ({ poll, gone }) => {
    if (gone) polls = polls.filter((one) => one.id !== gone);
    if (poll) {
      if (poll.is_open && !polls.some((one) => one.id === poll.id)) {
        const words = t('A question for you: {question}', { question: poll.question });
        if (!me.isHost) room.toast(words);
      }
      // Packets go to everybody, so the counts of a hidden poll aren't in them.
      if (poll.is_open && poll.hidden && me.isHost) return void fetchPolls();
      put(poll);
    }
    room.refresh();
  });

  const open = () => polls.find((one) => one.is_open);

  // --- what is drawn ---

  function useSend() {
    const [busy, setBusy] = useState(false);
    const send = async (work, done) => {
      setBusy(true);
      try {
        const answer = await work();
        if (answer?.id) put(answer);
        room.announce(done);
        return true;
      } catch (error) {
        room.toast(error.message, { kind: 'error' });
        await fetchPolls();
        return false;
      } finally {
        setBusy(false);
        room.refresh();
      }
    };
    return [busy, send];
  }

  function Results({ poll }) {
    const share = (count) => Math.round((100 * count) / (poll.votes || 1));
    return html`
      <ul className="poll-results">
        ${poll.options.map(
          (option, at) => html`
            <li key=${at}>
              <span className="poll-option">${option}</span>
              <span className="poll-number">${poll.counts[at]} (${share(poll.counts[at])} %)</span>
              <progress aria-label=${option} max="100" value=${share(poll.counts[at])} />
            </li>
          `,
        )}
      </ul>
    `;
  }

  function Ballot({ poll }) {
    const [busy, send] = useSend();
    const [choice, setChoice] = useState(null);
    const name = useId();
    const chosen = choice ?? poll.mine;
    const vote = (event) => {
      event.preventDefault();
      if (chosen === null) return room.toast(t('Choose an answer first.'), { kind: 'error' });
      return send(() => room.api.post('/polls/' + poll.id + '/vote', { choice: chosen }), t('Your vote is counted.'));
    };
    return html`
      <form className="stack" aria-busy=${busy} onSubmit=${vote}>
        <fieldset className="poll-ballot">
          <legend>${poll.question}</legend>
          ${poll.options.map(
            (option, at) => html`
              <label key=${at} className="check">
                <input type="radio" name=${name} checked=${chosen === at} onChange=${() => setChoice(at)} />
                <span>${option}</span>
              </label>
            `,
          )}
        </fieldset>
        <button type="submit" className="btn btn-primary" disabled=${busy}>
          ${poll.mine === null ? t('Vote') : t('Change my vote')}
        </button>
        ${poll.mine !== null && html`<p className="hint">${t('You voted: {option}', { option: poll.options[poll.mine] })}</p>`}
      </form>
    `;
  }

  function Votes({ poll }) {
    const words = poll.votes === 1 ? t('1 vote') : t('{count} votes', { count: poll.votes });
    const hidden = poll.counts ? '' : ' ' + t('The results come at the end.');
    return html`<p className="hint">${words}.${hidden}</p>`;
  }

  function HostsPart({ poll }) {
    const [busy, send] = useSend();
    const close = () => send(() => room.api.post('/polls/' + poll.id + '/close'), t('The poll is closed.'));
    const remove = () => send(() => room.api.delete('/polls/' + poll.id), t('The poll is removed.'));
    return html`
      <div className="row row-sm">
        ${poll.is_open && html`<button type="button" className="btn" disabled=${busy} onClick=${close}>${t('Close the poll')}</button>`}
        <button type="button" className="btn btn-ghost" disabled=${busy} aria-label=${t('Remove “{question}”', { question: poll.question })} onClick=${remove}>
          ${t('Remove')}
        </button>
      </div>
    `;
  }

  function Poll({ poll }) {
    return html`
      <section className="stack poll-one" aria-label=${poll.question}>
        ${poll.is_open ? html`<${Ballot} poll=${poll} />` : html`<h3>${poll.question}</h3>`}
        ${poll.counts && html`<${Results} poll=${poll} />`}
        <${Votes} poll=${poll} />
        ${me.isHost && html`<${HostsPart} poll=${poll} />`}
      </section>
    `;
  }

  function Ask() {
    const [busy, send] = useSend();
    const [question, setQuestion] = useState('');
    const [answers, setAnswers] = useState('');
    const [hidden, setHidden] = useState(Boolean(room.plugin.config.hidden));
    const options = answers.split('\n').map((line) => line.trim()).filter(Boolean);
    const ask = async (event) => {
      event.preventDefault();
      if (await send(() => room.api.post('/polls', { question, options, hidden }), t('The question is asked.'))) {
        setQuestion('');
        setAnswers('');
      }
    };
    return html`
      <form className="stack" aria-busy=${busy} onSubmit=${ask}>
        <label className="field">
          ${t('Question')}
          <input value=${question} maxLength="200" required onChange=${(event) => setQuestion(event.target.value)} />
        </label>
        <label className="field">
          ${t('Answers, one in each line')}
          <textarea rows="4" value=${answers} required onChange=${(event) => setAnswers(event.target.value)} />
        </label>
        <label className="check">
          <input type="checkbox" checked=${hidden} onChange=${(event) => setHidden(event.target.checked)} />
          <span>${t('Hide the results until the end')}</span>
        </label>
        <button type="submit" className="btn btn-primary" disabled=${busy}>${t('Ask')}</button>
      </form>
    `;
  }

  function Panel() {
    if (failed) {
      return html`
        <div className="stack">
          <p role="alert">${failed}</p>
          <button type="button" className="btn" onClick=${fetchPolls}>${t('Try again')}</button>
        </div>
      `;
    }
    const shown = [...polls].reverse();
    return html`
      <div className="stack poll-panel">
        ${me.isHost && !open() && html`<${Ask} />`}
        ${!me.isHost && !shown.length && html`<p className="hint">${t('No question has been asked yet.')}</p>`}
        ${shown.map((poll) => html`<${Poll} key=${poll.id} poll=${poll} />`)}
      </div>
    `;
  }

  room.addPanel({
    id: 'polls',
    title: t('Polls'),
    icon: 'vote',
    badge: () => (open() && open().mine === null && !me.isHost ? 1 : null),
    component: Panel,
  });
}
