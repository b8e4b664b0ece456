import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Card from '@mui/material/Card';
import IconButton from '@mui/material/IconButton';
import LinearProgress from '@mui/material/LinearProgress';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import type { Scan } from '../core/api';
import { may } from '../core/roles';
import { DeleteIcon, EditIcon, ShareIcon } from './icons';
import { Notes } from './Notes';
import { RemoveDialog, RenameDialog } from './ScanDialogs';
import { api } from './state';
import { scansText } from './text/scans';
import { shareText } from './text/share';

const Share = lazy(() => import('./Share'));

const t = scansText;

export function ScanCard({ scan, onChanged }: { scan: Scan; onChanged: () => void }) {
    const [, navigate] = useLocation();
    const [dialog, setDialog] = useState<'share' | 'rename' | 'remove' | null>(null);
    const title = scan.title || t.untitled;
    const ready = scan.state === 'ready';
    const removal = may(scan.role, 'remove') ? t.remove : t.leave;
    const done = (changed: boolean) => {
        setDialog(null);
        if (changed) {
            onChanged();
        }
    };
    return (
        <Card
            variant="outlined"
            component="li"
            data-testid="scan-card"
            sx={{ display: 'flex', flexDirection: 'column' }}
        >
            <Thumbnail scan={scan} />
            <Box sx={{ p: 2, display: 'grid', gap: 0.5, flexGrow: 1, alignContent: 'start' }}>
                <Typography variant="h3" component="h2" sx={{ overflowWrap: 'anywhere' }}>
                    {title}
                </Typography>
                {scan.role !== 'owner' && (
                    <Typography variant="body2" data-testid="scan-given">
                        {shareText.given(scan.role, scan.expires)}
                    </Typography>
                )}
                <State scan={scan} />
                {scan.volume && (
                    <Typography variant="body2" color="textSecondary">
                        {t.size(scan.volume.dims, scan.volume.modality)}
                    </Typography>
                )}
                <Typography variant="body2" color="textSecondary">
                    {t.added(scan.created)}
                </Typography>
                <Box sx={{ color: 'text.secondary' }}>
                    <Notes notes={scan.warnings} />
                </Box>
            </Box>
            <Box sx={{ px: 2, pb: 2, display: 'flex', gap: 1 }}>
                <Button
                    variant="contained"
                    disabled={!ready}
                    onClick={() => navigate(`/scans/${scan.id}`)}
                    data-testid="scan-open"
                    aria-label={`${t.open}: ${title}`}
                    sx={{ flexGrow: 1 }}
                >
                    {t.open}
                </Button>
                {may(scan.role, 'share') && ready && (
                    <Tooltip title={shareText.open}>
                        <IconButton
                            onClick={() => setDialog('share')}
                            data-testid="scan-share"
                            aria-label={`${shareText.open}: ${title}`}
                        >
                            <ShareIcon />
                        </IconButton>
                    </Tooltip>
                )}
                {may(scan.role, 'rename') && (
                    <Tooltip title={t.rename}>
                        <IconButton
                            onClick={() => setDialog('rename')}
                            aria-label={`${t.rename}: ${title}`}
                        >
                            <EditIcon />
                        </IconButton>
                    </Tooltip>
                )}
                <Tooltip title={removal}>
                    <IconButton
                        onClick={() => setDialog('remove')}
                        data-testid="scan-delete"
                        aria-label={`${removal}: ${title}`}
                    >
                        <DeleteIcon />
                    </IconButton>
                </Tooltip>
            </Box>
            {dialog === 'share' && (
                <Suspense>
                    <Share scan={scan} onClose={() => setDialog(null)} />
                </Suspense>
            )}
            {dialog === 'rename' && <RenameDialog scan={scan} onDone={done} />}
            {dialog === 'remove' && <RemoveDialog scan={scan} onDone={done} />}
        </Card>
    );
}

function State({ scan }: { scan: Scan }) {
    const { state, progress, failure } = scan;
    const stage = state === 'importing' && progress ? t.stage[progress.stage] : undefined;
    return (
        <Box role="status" aria-live="polite">
            <Typography
                variant="body2"
                data-testid="scan-state"
                data-state={state}
                color={state === 'failed' ? 'error' : 'textPrimary'}
            >
                {stage ?? t.state[state]}
            </Typography>
            {state === 'importing' && (
                <LinearProgress
                    aria-label={t.state.importing}
                    sx={{ mt: 0.5 }}
                    {...(progress
                        ? { variant: 'determinate', value: 100 * progress.fraction }
                        : {})}
                />
            )}
            {failure && (
                <Alert severity="error" sx={{ mt: 1 }}>
                    {failure.detail}
                </Alert>
            )}
        </Box>
    );
}

/** The preview needs the token, so it is fetched, not linked. */
function Thumbnail({ scan }: { scan: Scan }) {
    const [url, setUrl] = useState('');
    const ready = scan.state === 'ready';
    useEffect(() => {
        if (!ready) {
            return;
        }
        let made = '';
        let over = false;
        api.thumbnail(scan.id).then(
            (blob) => {
                if (blob && !over) {
                    made = URL.createObjectURL(blob);
                    setUrl(made);
                }
            },
            () => {},
        );
        return () => {
            over = true;
            URL.revokeObjectURL(made);
        };
    }, [scan.id, ready]);
    return (
        <Box sx={{ aspectRatio: '4 / 3', bgcolor: '#0b0d10', position: 'relative' }}>
            {url && (
                <Box
                    component="img"
                    src={url}
                    alt={scansText.thumbnail(scan.title || t.untitled)}
                    sx={{ position: 'absolute', width: '100%', height: '100%', objectFit: 'cover' }}
                />
            )}
        </Box>
    );
}
