import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import CircularProgress from '@mui/material/CircularProgress';
import Paper from '@mui/material/Paper';
import Typography from '@mui/material/Typography';
import { useLocation } from 'wouter';
import { type EndReason, isFinal, type SessionState } from '../core/session';
import { Notes } from './Notes';
import { viewText } from './text/view';
import { useSettings, useView, useViewing } from './viewingContext';

const t = viewText;

/** Words on the picture, which may be of any brightness. */
const CAPTION = { px: 1.25, py: 0.25, color: '#fff', bgcolor: 'rgb(0 0 0 / 0.65)' };

/** Over the picture: how far it is, or why there is none. */
export function ViewOverlay() {
    const session = useView((v) => v.session);
    return (
        <>
            <Trouble session={session} />
            {session.phase === 'live' && <Progress />}
            {session.phase === 'live' && <ImportNotes />}
        </>
    );
}

/** How fine the picture is by now; it begins anew with each change. */
function Progress() {
    const samples = useView((v) => v.samples);
    const max = useView((v) => v.max_samples);
    const noise = useView((v) => v.noise);
    const converged = useView((v) => v.converged);
    const drawn = useView((v) => v.drawn);
    const reduced = useView((v) => v.volume?.reduced);
    const device = useView((v) => v.device);
    // Noise goes with the root of the samples, and ends the work below one step.
    const spent = Math.sqrt(samples / Math.max(1, max));
    const refined = converged ? 1 : Math.min(0.99, Math.max(spent, noise && 1 / noise));
    return (
        <Typography
            variant="caption"
            data-testid="status-samples"
            data-samples={samples}
            data-noise={noise}
            sx={{
                position: 'absolute',
                ...CAPTION,
                left: 12,
                bottom: 12,
                borderRadius: 99,
                fontVariantNumeric: 'tabular-nums',
                pointerEvents: 'none',
                visibility: drawn && max > 0 ? 'visible' : 'hidden',
            }}
        >
            {t.refining(refined)}
            {reduced && ` · ${t.reduced(reduced)}`}
            {device && ` · ${t.device(device)}`}
        </Typography>
    );
}

/** A picture of a scan with gaps looks whole: what was filled in stands on it. */
function ImportNotes() {
    const notes = useView((v) => v.scan?.warnings);
    return notes?.length ? (
        <Box
            sx={{
                ...CAPTION,
                position: 'absolute',
                left: 12,
                top: 12,
                maxWidth: 'min(26rem, calc(100% - 24px))',
                borderRadius: 2,
            }}
        >
            <Notes notes={notes} />
        </Box>
    ) : null;
}

/** Says why there is no moving picture, over the place where it would be. */
function Trouble({ session }: { session: SessionState }) {
    const refused = useSettings((s) => s.refused);
    return (
        <Box
            role="status"
            aria-live="polite"
            sx={{
                position: 'absolute',
                inset: 0,
                display: 'grid',
                placeItems: 'center',
                pointerEvents: 'none',
                p: 2,
            }}
        >
            {session.phase !== 'live' && <Reason session={session} />}
            {session.phase === 'live' && refused && (
                <Paper sx={{ p: 1.5, alignSelf: 'end' }}>{refused}</Paper>
            )}
        </Box>
    );
}

function Reason({ session }: { session: Exclude<SessionState, { phase: 'live' }> }) {
    const waiting = session.phase !== 'ended';
    return (
        <Paper
            sx={{
                p: 3,
                maxWidth: 380,
                textAlign: 'center',
                pointerEvents: 'auto',
                display: 'grid',
                gap: 2,
                justifyItems: 'center',
            }}
        >
            {waiting && <CircularProgress aria-hidden />}
            <Words session={session} />
            {session.phase === 'ended' && <WhatNow reason={session.reason} />}
        </Paper>
    );
}

function Words({ session }: { session: Exclude<SessionState, { phase: 'live' }> }) {
    switch (session.phase) {
        case 'connecting':
        case 'opening':
            return <Typography>{t.state[session.phase]}</Typography>;
        case 'reconnecting':
            return <Typography>{t.state.reconnecting[session.reason]}</Typography>;
        case 'queued':
            return (
                <Box data-testid="queue-position" data-position={session.position}>
                    <Typography variant="h3" component="p">
                        {t.queued(session.position)}
                    </Typography>
                    <Typography>
                        {t.ahead(session.ahead)} {t.estimate(session.estimate_s)}
                    </Typography>
                </Box>
            );
        case 'ended':
            return (
                <div>
                    <Typography>{t.ended[session.reason]}</Typography>
                    {session.detail && (
                        <Typography variant="body2" color="textSecondary">
                            {session.detail}
                        </Typography>
                    )}
                </div>
            );
    }
}

function WhatNow({ reason }: { reason: EndReason }) {
    const viewing = useViewing();
    const [, navigate] = useLocation();
    return (
        <Box sx={{ display: 'flex', gap: 1, flexWrap: 'wrap', justifyContent: 'center' }}>
            {!isFinal(reason) && (
                <Button variant="contained" onClick={() => viewing.restart()}>
                    {t.again}
                </Button>
            )}
            <Button variant="outlined" onClick={() => navigate('/scans')}>
                {t.back}
            </Button>
        </Box>
    );
}
