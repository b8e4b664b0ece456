import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Checkbox from '@mui/material/Checkbox';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import FormControlLabel from '@mui/material/FormControlLabel';
import IconButton from '@mui/material/IconButton';
import Typography from '@mui/material/Typography';
import { useState } from 'react';
import type { Permission } from '../core/api';
import { ApiError } from '../core/rest';
import type { Role } from '../core/roles';
import { endAfter, TERMS_DAYS, type TermDays } from '../core/share';
import { Choice } from './Choice';
import { DeleteIcon } from './icons';
import { api, sentence } from './state';
import { shareText } from './text/share';
import { useCall } from './useCall';

const t = shareText.access;

interface Props {
    scan: string;
    permissions: Permission[];
    /** warning: what was not done of what was asked for. */
    onChanged: (warning?: string) => Promise<void>;
}

export function AccessList({ scan, permissions, onChanged }: Props) {
    return (
        <Box component="ul" sx={{ listStyle: 'none', p: 0, m: 0, width: '100%' }}>
            {permissions.map((permission) => (
                <Person
                    key={permission.user}
                    scan={scan}
                    permission={permission}
                    onChanged={onChanged}
                />
            ))}
        </Box>
    );
}

interface PersonProps {
    scan: string;
    permission: Permission;
    /** warning: what was not done of what was asked for. */
    onChanged: (warning?: string) => Promise<void>;
}

/** What one person may, and for how long. */
function Person({ scan, permission, onChanged }: PersonProps) {
    const { user, role, expires } = permission;
    const who = permission.label || t.unnamed;
    const [asking, setAsking] = useState(false);
    const { error, busy, call } = useCall();
    const change = (what: { role?: Role; expires?: string | null }) =>
        call(async () => {
            await api.changePermission(scan, user, what);
            await onChanged();
        });
    const kept = expires ? ([['kept', t.until(expires)]] as const) : [];
    const terms = TERMS_DAYS.map((days) => [days, t.fromNow[days]] as const);
    return (
        <Box component="li" data-testid="share-person" sx={{ py: 1.5, display: 'grid', gap: 1.5 }}>
            <Box sx={{ display: 'flex', alignItems: 'center' }}>
                <Typography sx={{ mr: 'auto', overflowWrap: 'anywhere' }}>{who}</Typography>
                <IconButton
                    onClick={() => setAsking(true)}
                    aria-label={t.revoke(who)}
                    data-testid="share-revoke"
                >
                    <DeleteIcon />
                </IconButton>
            </Box>
            {error && <Alert severity="error">{error}</Alert>}
            <Box sx={{ display: 'grid', gap: 1.5, gridTemplateColumns: { sm: '3fr 2fr' } }}>
                <Choice
                    size="small"
                    label={t.role(who)}
                    value={role}
                    options={shareText.make.roles as ReadonlyArray<readonly [Role, string]>}
                    onChange={(wanted) => void change({ role: wanted })}
                    testId="share-person-role"
                    disabled={busy}
                />
                <Choice<TermDays | 'kept'>
                    size="small"
                    label={t.term(who)}
                    value={expires ? 'kept' : 0}
                    options={[...kept, ...terms]}
                    onChange={(days) =>
                        days !== 'kept' && void change({ expires: endAfter(days, new Date()) })
                    }
                    testId="share-person-term"
                    disabled={busy}
                />
            </Box>
            {asking && (
                <Revoke
                    who={who}
                    act={async (renew) => onChanged(await takeBack(scan, user, renew))}
                    onClose={() => setAsking(false)}
                />
            )}
        </Box>
    );
}

/** Returns why the key stayed the old one, in a sentence; '' when all is done. */
async function takeBack(scan: string, user: string, renew: boolean): Promise<string> {
    try {
        await api.revoke(scan, user, renew);
        return '';
    } catch (e) {
        const half = e instanceof ApiError && (e.status === 409 || e.status >= 500);
        if (renew && half) {
            return t.notRenewed(sentence(e));
        }
        throw e;
    }
}

interface RevokeProps {
    who: string;
    act: (renew: boolean) => Promise<void>;
    onClose: () => void;
}

function Revoke({ who, act, onClose }: RevokeProps) {
    const [renew, setRenew] = useState(false);
    const { error, busy, call } = useCall();
    return (
        <Dialog open onClose={onClose} fullWidth maxWidth="xs">
            <DialogTitle>{t.revokeTitle(who)}</DialogTitle>
            <DialogContent>
                {error && <Alert severity="error">{error}</Alert>}
                <Typography>{t.revokeBody}</Typography>
                <FormControlLabel
                    sx={{ mt: 1.5 }}
                    label={t.renew}
                    control={
                        <Checkbox checked={renew} onChange={(e) => setRenew(e.target.checked)} />
                    }
                />
                <Typography variant="body2" color="textSecondary">
                    {t.renewHelp}
                </Typography>
            </DialogContent>
            <DialogActions>
                <Button onClick={onClose}>{t.cancel}</Button>
                <Button
                    variant="contained"
                    color="error"
                    disabled={busy}
                    onClick={() => void call(() => act(renew))}
                    data-testid="share-revoke-confirm"
                >
                    {t.submit}
                </Button>
            </DialogActions>
        </Dialog>
    );
}
