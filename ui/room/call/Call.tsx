/**
 * The call itself; loaded while the person is still typing a name. What is seen of it (the shell) comes
 * while the media connects.
 */
import { lazy, Suspense, useEffect, useState } from 'react';
import { Room, ScreenSharePresets, setLogLevel, type RoomOptions } from 'livekit-client';
import type { Admission } from '../api';
import { choices, microphoneOptions } from '../choices';
import type { PageConfig } from '../config';
import type { Entrance } from '../entrance';
import { toast } from '../notices';
import { Loading } from '../parts';
import { nowInside } from '../presence';
import { useStore } from '../store';
import { Connection, quickReconnects, troubleWords, type Over } from './connection';
import { CallContext, type CallParts } from './context';
import { Crowd } from './crowd';
import { Devices } from './devices';
import { refuseLies } from './honest';
import { PluginHost } from './host';
import { logLevel } from './log';
import { tellNode, tellQuality } from './quality';
import { Receiving } from './receiving';
import { followMessages } from './messages';
import { followSwitches } from './switching';
import { ViewStore } from './view';

const loadShell = () => import('./Shell');
const Shell = lazy(loadShell);

interface CallProps {
  config: PageConfig;
  admission: Admission;
  entrance: Entrance;
  onOver(over: Over): void;
}

setLogLevel(logLevel());

function roomOptions(): RoomOptions {
  const { cameraId, speakerId } = choices.value;
  return {
    adaptiveStream: true,
    dynacast: true,
    // It would leave while the browser still asks a host whether to leave.
    disconnectOnPageLeave: false,
    reconnectPolicy: quickReconnects,
    audioCaptureDefaults: microphoneOptions(),
    videoCaptureDefaults: { deviceId: cameraId },
    audioOutput: speakerId ? { deviceId: speakerId } : undefined,
    publishDefaults: { simulcast: true, screenShareEncoding: ScreenSharePresets.h1080fps15.encoding },
  };
}

function makeCall({ config, admission, entrance, onOver }: CallProps): CallParts {
  const room = new Room(roomOptions());
  // For support and tests: what the console of any page could reach anyway.
  Object.assign(window, { audimax: { room } });
  refuseLies(room);
  const host = new PluginHost(config, admission, room);
  const devices = new Devices(room, (what) => host.explain(what));
  host.turnOn = (what) => devices.turnOn(what);
  const over = (how: Over) => onOver(how.kind === 'removed' ? { ...how, farewell: host.farewell } : how);
  const connection = new Connection({ room, admission, door: entrance, publish: () => devices.publish(), onOver: over });
  const endForAll = async () => {
    const answer = await entrance.routes.end();
    if (answer.status === 'ended') connection.finish('ended');
    else toast(answer.reason, 'error');
  };
  // For whoever looks into the call from the browser's console.
  Object.assign(window, { audimax: { room, host } });
  return { config, room, crowd: new Crowd(room), receiving: new Receiving(room), host, devices, connection, view: new ViewStore(), routes: entrance.routes, endForAll };
}

/** Plugins first: no message may come before they listen. */
async function begin({ config, host, connection, room }: CallParts) {
  void loadShell().catch(() => undefined);
  await host.loadAll();
  if (!config.sim) return connection.start();
  const { simulate } = await import('./sim');
  await simulate(room, config.sim, host.me);
  connection.phase.set({ name: 'connected' });
}

export default function Call(props: CallProps) {
  const [call] = useState(() => makeCall(props));
  const phase = useStore(call.connection.phase);
  const [entered, setEntered] = useState(false);
  if (phase.name === 'connected' && !entered) setEntered(true);

  useEffect(() => {
    const stopFollowing = followSwitches(call.host, call.routes);
    const stopListening = followMessages(call.host.bus);
    const stopTelling = tellQuality(call.room, (quality) => call.routes.quality(quality));
    const isHost = call.host.admission.role === 'host';
    const stopNaming = isHost ? tellNode(call.room, (node) => call.routes.node(node)) : () => undefined;
    void begin(call);
    return () => {
      stopFollowing();
      stopListening();
      stopTelling();
      stopNaming();
      call.connection.close();
      call.crowd.close();
      call.receiving.close();
      call.host.close();
    };
  }, [call]);
  useEffect(() => {
    if (entered) nowInside(call.config.room.id, call.host.admission.lecture_id);
  }, [call, entered]);

  const loading = <Loading words={troubleWords(phase)} onCancel={() => call.connection.leave()} />;
  if (!entered) return loading;
  return (
    <CallContext.Provider value={call}>
      <Suspense fallback={loading}>
        <Shell />
      </Suspense>
    </CallContext.Provider>
  );
}
