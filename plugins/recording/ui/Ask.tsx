/** What a host is asked: before it begins, when no recorder is free, and before it ends. */
import { useAction } from '@audimax/kit';
import { useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import type { Question, Recording } from './recording';

interface Asked {
  title: string;
  words: ReactNode;
  yes: string;
  look: string;
  act(): Promise<void>;
}

function WhatIsRecorded({ recording }: { recording: Recording }) {
  const { t } = recording.room;
  const { camera_allowed: showsGuests, ready } = recording.standing;
  return (
    <>
      <p>{t('In the recording are:')}</p>
      <ul>
        <li>{t('the shared screen, or the host’s camera while no screen is shared')}</li>
        <li>{t('the sound of all who speak')}</li>
        {showsGuests && <li>{t('cameras of guests who agree')}</li>}
      </ul>
      <p>{t('Everybody is told before it begins and sees it the whole time. Each person may stay out of it.')}</p>
      {ready && <p className="hint">{t('What was recorded before stays; this becomes a further part.')}</p>}
    </>
  );
}

function questionOf(recording: Recording, question: Question): Asked {
  const { t } = recording.room;
  switch (question) {
    case 'start':
      return { title: t('Record this lecture?'), words: <WhatIsRecorded recording={recording} />, yes: t('Start recording'), look: 'btn-primary', act: () => recording.start() };
    case 'queue':
      return {
        title: t('No recorder is free'),
        words: <p>{recording.busyWords} {t('If you wait, the recording begins by itself as soon as one is free. Everybody is told then.')}</p>,
        yes: t('Wait for a recorder'), look: 'btn-primary', act: () => recording.start(true),
      };
    case 'stop':
      return {
        title: t('Stop the recording?'),
        words: <p>{t('What was recorded is kept with the lecture. You can record again; that becomes a further part.')}</p>,
        yes: t('Stop recording'), look: 'btn-danger', act: () => recording.order('stop'),
      };
  }
}

/** The focus is on the words: a key on its way elsewhere must not say yes. A refusal stands inside, where it is read out. */
export function Ask({ recording, question }: { recording: Recording; question: Question }) {
  const { t, announce } = recording.room;
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const [refusal, setRefusal] = useState('');
  const { busy, run } = useAction({ announce, toast: setRefusal });
  const { title, words, yes, look, act } = questionOf(recording, question);
  const { may, why } = recording.standing;
  useLayoutEffect(() => {
    const shown = dialog.current;
    if (shown && !shown.open) shown.showModal();
    heading.current?.focus();
    return () => shown?.close();
  }, []);
  const agree = () => {
    if (!may || busy) return;
    setRefusal('');
    void run(act);
  };
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="recording-ask" aria-describedby="recording-ask-words" onClose={() => recording.question === question && recording.ask(null)}>
      <div className="stack">
        <h2 id="recording-ask" tabIndex={-1} ref={heading}>
          {title}
        </h2>
        <div id="recording-ask-words" className="stack stack-sm">
          {words}
        </div>
        {!may && <p className="alert alert-warn">{why || t('You can’t do that at the moment.')}</p>}
        <div role="alert">{refusal && <p className="alert alert-error">{refusal}</p>}</div>
        <div className="dialog-actions">
          <button type="button" className="btn" onClick={() => dialog.current?.close()}>
            {t('Cancel')}
          </button>
          <button type="button" className={`btn ${look}`} aria-busy={busy} aria-disabled={!may} onClick={agree}>
            {yes}
          </button>
        </div>
      </div>
    </dialog>
  );
}
