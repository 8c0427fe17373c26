/** Where one writes: to whom, as what, in answer to what, and why one can't. */
import { useAction } from '@audimax/kit';
import { useEffect, useId, useImperativeHandle, useRef, useState, type ChangeEvent, type KeyboardEvent, type Ref } from 'react';
import { MOST_FILES, type Attachment } from './attachments';
import type { Chat } from './chat';
import { LONGEST, quoteOf, wordsOf, type Message, type To } from './messages';
import { useSecondsUntil } from './use';

// From here on one is told how much is left.
const NEARLY = LONGEST - 500;

export interface ComposerHandle {
  reply(message: Message): void;
  edit(message: Message): void;
  attach(files: readonly File[]): void;
}
interface ComposerProps {
  chat: Chat;
  ref: Ref<ComposerHandle>;
}

/** To whom one may write now; who answers what was private can't do so before everybody. */
function choicesOf(chat: Chat, reply: Message | null): [To, string][] {
  const { t, me } = chat.room;
  const isPrivate = reply?.audience === 'hosts';
  const choices: [To, string][] = [];
  if (!isPrivate && chat.mayWriteTo('everyone')) choices.push(['everyone', t('Everyone')]);
  if (me.isHost && reply && !reply.author.is_host && reply.author.identity) {
    choices.push(['author', t('{name} and the hosts', { name: reply.author.name })]);
  }
  choices.push(['hosts', t('The hosts only')]);
  // What a guest asked in private is answered to them, unless a host says otherwise.
  return isPrivate ? choices : choices.sort(([a], [b]) => Number(b === 'everyone') - Number(a === 'everyone'));
}

/** What is being answered or edited, and the way out of it. */
function Subject({ chat, title, text, onCancel }: { chat: Chat; title: string; text: string; onCancel(): void }) {
  const { t, ui } = chat.room;
  return (
    <div className="chat-subject">
      <p>
        <strong>{title}</strong> <span dir="auto">{text}</span>
      </p>
      <button type="button" className="ctl ctl-small" aria-label={t('Cancel')} title={t('Cancel')} onClick={onCancel}>
        <ui.Icon name="x" size={18} />
      </button>
    </div>
  );
}

function Closed({ chat, why }: { chat: Chat; why: string }) {
  const { t } = chat.room;
  const { busy, run } = useAction(chat.room);
  return (
    <div className="chat-closed">
      <p>{why}</p>
      {chat.state?.silenced && (
        <button type="button" className="btn btn-sm" aria-busy={busy} onClick={() => void run(() => chat.fetch())}>
          {t('Look again')}
        </button>
      )}
    </div>
  );
}

/** What goes with the message: on its way, or here and to be removed again. */
function Uploads({ chat, onRemoved }: { chat: Chat; onRemoved(): void }) {
  const { t, ui } = chat.room;
  const { attachments } = chat;
  const remove = (one: Attachment) => {
    attachments.remove(one);
    // The button that had the focus is gone.
    onRemoved();
  };
  if (!attachments.list.length) return null;
  return (
    <ul className="chat-uploads" aria-label={t('Files of this message')}>
      {attachments.list.map((one) => (
        <li key={one.key}>
          <ui.UploadRow upload={one.upload} onClose={() => remove(one)} />
          {one.upload.state === 'done' && (
            <button type="button" className="ctl ctl-small" aria-label={t('Remove {file}', { file: one.upload.name })} title={t('Remove')} onClick={() => remove(one)}>
              <ui.Icon name="x" size={18} />
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function Clip({ chat, disabled, onChoose }: { chat: Chat; disabled: boolean; onChoose(files: readonly File[]): void }) {
  const { t, ui, plugin } = chat.room;
  const input = useRef<HTMLInputElement>(null);
  const { types, largest_mb: size } = plugin.config as { types: string[]; largest_mb: number };
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    onChoose([...(event.target.files ?? [])]);
    // So that the same file can be chosen again.
    event.target.value = '';
  };
  return (
    <>
      <button type="button" className="btn btn-ghost btn-icon" disabled={disabled} aria-label={t('Attach files')} title={t('Attach files, up to {size} MB each', { size })} onClick={() => input.current?.click()}>
        <ui.Icon name="paperclip" />
      </button>
      <input ref={input} type="file" hidden multiple aria-label={t('Attach files')} accept={types.map((type) => `.${type}`).join(',')} onChange={choose} />
    </>
  );
}

export function Composer({ chat, ref }: ComposerProps) {
  const { t, ui } = chat.room;
  const { busy, run } = useAction(chat.room);
  const box = useRef<HTMLTextAreaElement>(null);
  const hintId = useId();
  const [text, setText] = useState(() => chat.outbox.draft);
  const [chosen, setChosen] = useState<To>('everyone');
  const [isQuestion, setQuestion] = useState(false);
  const [reply, setReply] = useState<Message | null>(null);
  const [editing, setEditing] = useState<Message | null>(null);
  const wait = useSecondsUntil(chat.waitUntil);
  const why = chat.whyNot();
  const choices = choicesOf(chat, reply);
  const to = choices.some(([value]) => value === chosen) ? chosen : choices[0][0];
  const left = LONGEST - [...text].length;
  const attached = chat.attachments.list.length;
  const isEmpty = !text.trim() && !(editing ? editing.files : attached);
  const mustWait = editing ? null : chat.attachments.whyNot(to);
  const name = editing ? t('Save') : t('Send');

  useEffect(() => {
    if (!editing) chat.outbox.draft = text;
  }, [chat, text, editing]);

  const focus = () => requestAnimationFrame(() => box.current?.focus());
  useImperativeHandle(ref, () => ({
    reply(message) {
      stopEditing();
      setReply(message);
      setChosen(choicesOf(chat, message)[0][0]);
      focus();
    },
    edit(message) {
      setReply(null);
      setEditing(message);
      setText(message.text);
      focus();
    },
    attach,
  }));

  function attach(files: readonly File[]) {
    if (!chat.mayAttach() || !files.length) return;
    if (to === 'author') return chat.room.toast(t('Files go to everyone or to the hosts, not to one person.'), { kind: 'error' });
    stopEditing();
    chat.attachments.add(files, to);
    focus();
  }

  function stopEditing() {
    if (!editing) return;
    setEditing(null);
    setText(chat.outbox.draft);
  }

  function cancelReply() {
    setReply(null);
    setChosen('everyone');
  }

  async function save(message: Message) {
    if (await run(() => chat.edit(message.id, text))) stopEditing();
  }

  function send() {
    if (isEmpty || left < 0 || busy) return;
    if (editing) return void save(editing);
    if (wait > 0 || mustWait) return;
    chat.send({ text, to, reply: reply && quoteOf(reply), is_question: isQuestion, files: chat.attachments.take() });
    setText('');
    setQuestion(false);
    cancelReply();
    box.current?.focus();
  }

  /** The last line that may still be changed, as most chats do it. */
  function editLast() {
    const last = chat.history.lines.findLast((line) => chat.mayChange(line));
    if (!last || attached) return;
    setEditing(last);
    setText(last.text);
  }

  function press(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if (event.key === 'Escape' && (editing || reply)) {
      // Not the panel is closed, but what was begun.
      event.preventDefault();
      stopEditing();
      cancelReply();
    } else if (event.key === 'ArrowUp' && !text && !editing) {
      event.preventDefault();
      editLast();
    }
  }

  if (why && !editing) return <Closed chat={chat} why={why} />;
  return (
    <form
      className="chat-composer"
      aria-label={t('Write a message')}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {reply && <Subject chat={chat} title={t('Answer to {name}', { name: reply.author.name })} text={wordsOf(reply)} onCancel={cancelReply} />}
      {editing && <Subject chat={chat} title={t('Edit your message')} text="" onCancel={stopEditing} />}
      {!editing && <Uploads chat={chat} onRemoved={focus} />}
      <div className="chat-write">
        {!editing && chat.mayAttach() && <Clip chat={chat} disabled={to === 'author' || attached >= MOST_FILES} onChoose={attach} />}
        <textarea
          ref={box}
          rows={1}
          dir="auto"
          value={text}
          placeholder={to === 'everyone' ? t('Message to everyone') : t('Message to the hosts')}
          aria-label={t('Message')}
          aria-describedby={hintId}
          aria-invalid={left < 0}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={press}
        />
        <button type="submit" className="btn btn-primary btn-icon" disabled={isEmpty || left < 0 || busy || (wait > 0 && !editing) || mustWait !== null} aria-label={name} title={mustWait ?? name}>
          {wait > 0 && !editing ? <span className="small">{wait}</span> : <ui.Icon name={editing ? 'check' : 'send'} />}
        </button>
      </div>
      {!editing && (
        <div className="chat-options">
          <label className="chat-to">
            <span>{t('To')}</span>
            <select aria-label={t('To')} value={to} disabled={choices.length < 2} onChange={(event) => setChosen(event.target.value as To)}>
              {choices.map(([value, words]) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </select>
          </label>
          <label className="check chat-ask">
            <input type="checkbox" checked={isQuestion} onChange={(event) => setQuestion(event.target.checked)} />
            {t('Question')}
          </label>
        </div>
      )}
      <p id={hintId} className={left < 0 ? 'error' : 'hint'}>
        {mustWait}
        {left < 0 && t('{count} characters too many', { count: -left })}
        {left >= 0 && left < LONGEST - NEARLY && t('{count} characters left', { count: left })}
        {wait > 0 && !editing && t('Slow mode: you can write again in {seconds} s.', { seconds: wait })}
      </p>
    </form>
  );
}
