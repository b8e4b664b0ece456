import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { lazy, Suspense, useState } from 'react';
import { useLocation } from 'wouter';
import { may } from '../core/roles';
import { saveAs } from './download';
import { BackIcon, CameraIcon, RedoIcon, ShareIcon, UndoIcon } from './icons';
import { scansText } from './text/scans';
import { shareText } from './text/share';
import { viewText } from './text/view';
import { useSettings, useView, useViewing } from './viewingContext';

const Share = lazy(() => import('./Share'));

const t = viewText;

/** Back, title, undo, screenshot. */
export function ViewBar() {
    const viewing = useViewing();
    const [, navigate] = useLocation();
    const scan = useView((v) => v.scan);
    const [sharing, setSharing] = useState(false);
    const canUndo = useSettings((s) => s.canUndo);
    const canRedo = useSettings((s) => s.canRedo);
    const drawn = useView((v) => v.drawn);
    const shoot = async () => {
        const blob = await viewing.picture();
        if (blob) {
            saveAs(blob, 'scan.png');
        }
    };
    return (
        <Box component="header" sx={{ display: 'flex', alignItems: 'center', px: 0.5, gap: 0.5 }}>
            <Tooltip title={t.back}>
                <IconButton onClick={() => navigate('/scans')} aria-label={t.back}>
                    <BackIcon />
                </IconButton>
            </Tooltip>
            <Typography variant="h3" component="h1" noWrap sx={{ minWidth: 0, mr: 'auto' }}>
                {scan && (scan.title || scansText.untitled)}
            </Typography>
            <BarButton label={t.undo} disabled={!canUndo} act={() => viewing.settings.undo()}>
                <UndoIcon />
            </BarButton>
            <BarButton label={t.redo} disabled={!canRedo} act={() => viewing.settings.redo()}>
                <RedoIcon />
            </BarButton>
            {may(scan?.role, 'share') && (
                <BarButton label={shareText.open} disabled={false} act={() => setSharing(true)}>
                    <ShareIcon />
                </BarButton>
            )}
            <BarButton label={t.screenshot} disabled={!drawn} act={() => void shoot()}>
                <CameraIcon />
            </BarButton>
            {sharing && scan && (
                <Suspense>
                    <Share scan={scan} onClose={() => setSharing(false)} />
                </Suspense>
            )}
        </Box>
    );
}

function BarButton(props: {
    label: string;
    disabled: boolean;
    act: () => void;
    children: React.ReactNode;
}) {
    const { label, disabled, act, children } = props;
    return (
        <Tooltip title={label}>
            <span>
                <IconButton onClick={act} disabled={disabled} aria-label={label}>
                    {children}
                </IconButton>
            </span>
        </Tooltip>
    );
}
