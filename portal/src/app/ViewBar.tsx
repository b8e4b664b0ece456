import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { useLocation } from 'wouter';
import { saveAs } from './download';
import { BackIcon, CameraIcon, RedoIcon, UndoIcon } from './icons';
import { scansText } from './text/scans';
import { viewText } from './text/view';
import { useSettings, useView, useViewing } from './viewingContext';

const t = viewText;

/** Back, title, undo, screenshot. */
export function ViewBar() {
    const viewing = useViewing();
    const [, navigate] = useLocation();
    const title = useView((v) => v.scan && (v.scan.title || scansText.untitled));
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
                {title}
            </Typography>
            <BarButton label={t.undo} disabled={!canUndo} act={() => viewing.settings.undo()}>
                <UndoIcon />
            </BarButton>
            <BarButton label={t.redo} disabled={!canRedo} act={() => viewing.settings.redo()}>
                <RedoIcon />
            </BarButton>
            <BarButton label={t.screenshot} disabled={!drawn} act={() => void shoot()}>
                <CameraIcon />
            </BarButton>
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
