import { Component, lazy, Suspense, useEffect, useState, type ReactNode } from 'react';
import type { Over } from './call/connection';
import type { PageConfig } from './config';
import type { Entrance, Stage } from './entrance';
import { t } from './i18n';
import { notices } from './notices';
import { Loading, Message, Notices } from './parts';
import { Prejoin } from './Prejoin';
import { nowOutside, wasInside } from './presence';
import { useStore } from './store';
import { showInTab } from './tab';

const loadCall = () => import('./call/Call');
const Call = lazy(loadCall);

/** The call's code comes while the person types a name. */
function usePreloadedCall() {
  useEffect(() => {
    const whenIdle = window.requestIdleCallback ?? ((work: () => void) => setTimeout(work, 300));
    whenIdle(() => void loadCall().catch(() => undefined));
  }, []);
}

/** After a reload the person comes back without being asked again. */
function useReturn(config: PageConfig, entrance: Entrance) {
  useEffect(() => {
    const inside = config.me.role === 'participant' || config.me.role === 'host';
    if (inside && config.room.live && wasInside(config.room.id)) void entrance.join(config.me.name);
  }, [config, entrance]);
}

function tabTitle(title: string, stage: Stage, over: Over | null): string {
  if (over) return title;
  if (stage.name === 'waiting') return stage.starting ? `▶ ${title}` : t('Waiting: {title}', { title });
  return title;
}

function useTab(title: string, stage: Stage, over: Over | null) {
  useEffect(() => {
    showInTab(tabTitle(title, stage, over), stage.name === 'admitted' && !over);
  }, [title, stage, over]);
}

/** The call's code couldn't be loaded, or it broke: nothing of the page is left but this. */
class LastResort extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };
  static getDerivedStateFromError() {
    return { failed: true };
  }
  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Message icon="triangle-alert" title={t('The page stopped working')}>
        <p>{t('Reload it to come back. The lecture goes on meanwhile.')}</p>
        <button type="button" className="btn btn-primary" onClick={() => location.reload()}>
          {t('Reload the page')}
        </button>
      </Message>
    );
  }
}


const OVER_WORDS: Record<Over['kind'], () => { icon: string; title: string; again: string }> = {
  left: () => ({ icon: 'log-out', title: t('You left the lecture'), again: t('Join again') }),
  ended: () => ({ icon: 'circle-check', title: t('The lecture has ended'), again: t('Back to the room') }),
  removed: () => ({ icon: 'user-x', title: t('You were removed from the lecture'), again: t('Ask to join again') }),
  replaced: () => ({ icon: 'copy', title: t('You joined in another tab or on another device'), again: t('Use it here') }),
};

function Afterwards({ over, config, onAgain }: { over: Over; config: PageConfig; onAgain(): void }) {
  const { icon, title, again } = OVER_WORDS[over.kind]();
  const { farewell } = over;
  const ended = over.kind === 'ended';
  return (
    <Message icon={farewell && !farewell.mayReturn ? 'ban' : icon} title={farewell?.title ?? title}>
      <p className="muted">{config.room.title}</p>
      {farewell?.text && <p>{farewell.text}</p>}
      <div className="row message-actions">
        {ended && (
          <a className="btn btn-primary" href={config.urls.lecture_base + over.lectureId}>
            {t('To the lecture page')}
          </a>
        )}
        {farewell?.mayReturn !== false && (
          <button type="button" className={ended ? 'btn' : 'btn btn-primary'} onClick={onAgain}>
            {again}
          </button>
        )}
        <a className="btn btn-ghost" href={config.urls.home}>
          {t('To the start page')}
        </a>
      </div>
    </Message>
  );
}

interface AppProps {
  config: PageConfig;
  entrance: Entrance;
}

function Screen({ config, entrance }: AppProps) {
  const stage = useStore(entrance.stage);
  const [over, setOver] = useState<Over | null>(null);
  useReturn(config, entrance);
  useTab(config.room.title, stage, over);

  const finish = (how: Over) => {
    nowOutside(config.room.id);
    notices.set([]);
    entrance.backToForm();
    setOver(how);
  };
  const again = () => {
    setOver(null);
    if (over?.kind === 'ended') entrance.waitForTheNext();
    else void entrance.again();
  };

  if (over) return <Afterwards over={over} config={config} onAgain={again} />;
  if (stage.name !== 'admitted') return <Prejoin config={config} entrance={entrance} />;
  const { admission } = stage;
  return (
    <Suspense fallback={<Loading words={t('Loading the call…')} />}>
      <Call key={admission.identity} config={config} admission={admission} entrance={entrance} onOver={finish} />
    </Suspense>
  );
}

export function App(props: AppProps) {
  usePreloadedCall();
  return (
    <LastResort>
      <Screen {...props} />
      <Notices />
    </LastResort>
  );
}
