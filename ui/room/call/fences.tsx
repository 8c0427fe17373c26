/** What plugins draw, each behind an error boundary of its own. */
import { Component, useEffect, useRef, useSyncExternalStore, type ReactNode } from 'react';
import { t } from '../i18n';
import { Icon } from '../parts';
import type { Entry, Registry } from '../registry';
import type { Dispose, RoomApi } from '../sdk';
import type { PluginHost } from './host';

export function useRegistry(registry: Registry): Registry {
  useSyncExternalStore(registry.subscribe, registry.snapshot);
  return registry;
}

interface FenceProps {
  plugin: string;
  host: PluginHost;
  quiet?: boolean;
  children: ReactNode;
}

export class Fence extends Component<FenceProps, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidCatch(error: unknown) {
    this.props.host.fail(this.props.plugin, error);
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    if (this.props.quiet) return null;
    const plugin = this.props.host.nameOf(this.props.plugin);
    return (
      <p className="alert alert-error" role="alert">
        <Icon name="triangle-alert" /> <span>{t('“{plugin}” stopped working. The call goes on.', { plugin })}</span>
      </p>
    );
  }
}

type Drawn = Entry<'panel'> | Entry<'overlay'> | Entry<'settings'>;
type Props = { room: RoomApi; close(): void };

function Mount({ entry, props }: { entry: Drawn; props: Props }) {
  const ref = useRef<HTMLDivElement>(null);
  const given = useRef(props);
  useEffect(() => {
    const element = ref.current;
    if (!element || !entry.mount) return;
    const dispose: void | Dispose = entry.mount(element, given.current);
    return () => {
      if (typeof dispose === 'function') dispose();
      element.replaceChildren();
    };
  }, [entry]);
  return <div ref={ref} className="plugin-mount" data-plugin={entry.plugin} />;
}

interface PluginViewProps {
  entry: Drawn;
  host: PluginHost;
  quiet?: boolean;
  close?: () => void;
}

/** Draws one contribution, in whichever of the two ways it was written. */
export function PluginView({ entry, host, quiet, close = () => undefined }: PluginViewProps) {
  const props = { room: host.apiOf(entry.plugin), close };
  const Drawing = entry.component;
  return (
    <Fence plugin={entry.plugin} host={host} quiet={quiet}>
      {Drawing ? <Drawing {...props} /> : <Mount entry={entry} props={props} />}
    </Fence>
  );
}
