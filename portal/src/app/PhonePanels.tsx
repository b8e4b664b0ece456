import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import Paper from '@mui/material/Paper';
import Typography from '@mui/material/Typography';
import { type ReactNode, useEffect, useRef } from 'react';
import { CloseIcon, CutIcon, LookIcon, SaveIcon } from './icons';
import { viewText } from './text/view';

export type Panel = 'look' | 'cut' | 'save';

const BUTTONS = [
    ['look', LookIcon],
    ['cut', CutIcon],
    ['save', SaveIcon],
] as const;

/** The three large buttons below the picture. */
export function PanelButtons(props: { open: Panel | null; onOpen: (panel: Panel | null) => void }) {
    const { open, onOpen } = props;
    return (
        <Box
            component="nav"
            sx={{
                display: 'grid',
                gridTemplateColumns: 'repeat(3, 1fr)',
                bgcolor: 'background.paper',
                pb: 'env(safe-area-inset-bottom)',
            }}
        >
            {BUTTONS.map(([panel, Icon]) => (
                <Button
                    key={panel}
                    color={open === panel ? 'primary' : 'inherit'}
                    aria-expanded={open === panel}
                    onClick={() => onOpen(open === panel ? null : panel)}
                    data-testid={`panel-${panel}`}
                    sx={{ flexDirection: 'column', borderRadius: 0, py: 1 }}
                >
                    <Icon />
                    {viewText[panel]}
                </Button>
            ))}
        </Box>
    );
}

/** Between picture and buttons; the picture gives way and stays usable. */
export function Sheet(props: { title: string; onClose: () => void; children: ReactNode }) {
    const { title, onClose, children } = props;
    const sheet = useRef<HTMLDivElement>(null);
    // biome-ignore lint/correctness/useExhaustiveDependencies: another title is another sheet
    useEffect(() => sheet.current?.focus(), [title]);
    return (
        <Paper
            ref={sheet}
            role="region"
            aria-label={title}
            tabIndex={-1}
            elevation={8}
            onKeyDown={(e) => e.key === 'Escape' && onClose()}
            sx={{
                maxHeight: '46dvh',
                overflowY: 'auto',
                borderRadius: '16px 16px 0 0',
                px: 2,
                pb: 2,
                outline: 'none',
            }}
        >
            <Box
                sx={{
                    display: 'flex',
                    alignItems: 'center',
                    position: 'sticky',
                    top: 0,
                    bgcolor: 'background.paper',
                    zIndex: 1,
                    py: 0.5,
                }}
            >
                <Typography variant="h3" component="h2" sx={{ mr: 'auto' }}>
                    {title}
                </Typography>
                <IconButton onClick={onClose} aria-label={viewText.close}>
                    <CloseIcon />
                </IconButton>
            </Box>
            {children}
        </Paper>
    );
}
