import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import Typography from '@mui/material/Typography';
import useMediaQuery from '@mui/material/useMediaQuery';
import { type ReactNode, useCallback, useEffect, useState } from 'react';
import type { Invitation, Permission, Scan } from '../core/api';
import { deedsOn } from '../core/audit';
import { Activity } from './Activity';
import { AccessList } from './ShareAccess';
import { ShareLink } from './ShareLink';
import { OpenLinks } from './ShareOpen';
import { api, sentence } from './state';
import { scansText } from './text/scans';
import { shareText } from './text/share';

const t = shareText;

interface Shared {
    permissions: Permission[];
    invitations: Invitation[];
}

/** Who sees a scan, and how others come to. */
export default function Share({ scan, onClose }: { scan: Scan; onClose: () => void }) {
    const narrow = useMediaQuery('(max-width: 600px)', { noSsr: true });
    const [shared, setShared] = useState<Shared | null>(null);
    const [error, setError] = useState('');

    /* warning: what was not done of what was asked for. */
    const reload = useCallback(
        async (warning = '') => {
            try {
                const [permissions, invitations] = await Promise.all([
                    api.permissions(scan.id),
                    api.invitations(scan.id),
                ]);
                setShared({ permissions, invitations });
                setError(warning);
            } catch (e) {
                setError(sentence(e));
            }
        },
        [scan.id],
    );
    useEffect(() => void reload(), [reload]);

    const activity = async () => {
        const [lines, permissions, me] = await Promise.all([
            api.scanActivity(scan.id),
            api.permissions(scan.id),
            api.user(),
        ]);
        return deedsOn(lines, me.id, permissions);
    };
    return (
        <Dialog open onClose={onClose} fullWidth maxWidth="sm" fullScreen={narrow}>
            <DialogTitle sx={{ overflowWrap: 'anywhere' }}>
                {t.title(scan.title || scansText.untitled)}
            </DialogTitle>
            <DialogContent sx={{ display: 'grid', gap: 3, alignContent: 'start' }}>
                {error && <Alert severity="error">{error}</Alert>}
                {shared && (
                    <Typography role="status" data-testid="share-count">
                        {shared.permissions.length === 0
                            ? t.alone
                            : t.others(shared.permissions.length)}
                    </Typography>
                )}
                <Section title={t.make.title}>
                    <ShareLink scan={scan.id} onChanged={() => void reload()} />
                </Section>
                {shared && shared.permissions.length > 0 && (
                    <Section title={t.access.title}>
                        <AccessList
                            scan={scan.id}
                            permissions={shared.permissions}
                            onChanged={reload}
                        />
                    </Section>
                )}
                {shared && shared.invitations.length > 0 && (
                    <Section title={t.unused.title}>
                        <OpenLinks invitations={shared.invitations} onChanged={() => reload()} />
                    </Section>
                )}
                <Section title={t.views.title}>
                    <Activity lead={t.views.lead} ask={activity} />
                </Section>
            </DialogContent>
            <DialogActions>
                <Button onClick={onClose} data-testid="share-close">
                    {t.close}
                </Button>
            </DialogActions>
        </Dialog>
    );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
    return (
        <Box component="section" sx={{ display: 'grid', gap: 1.5, justifyItems: 'start' }}>
            <Typography variant="h3" component="h3">
                {title}
            </Typography>
            {children}
        </Box>
    );
}
