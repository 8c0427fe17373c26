import type { Participant } from 'livekit-client';
import { t } from '../i18n';

export const nameOf = (participant: Participant) => participant.name || t('Somebody');
