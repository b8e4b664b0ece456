import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import Typography from '@mui/material/Typography';
import type { Invitation } from '../core/api';
import { DeleteIcon } from './icons';
import { api } from './state';
import { shareText } from './text/share';
import { useCall } from './useCall';

const t = shareText.unused;

/** Links that nobody has used yet. */
export function OpenLinks(props: { invitations: Invitation[]; onChanged: () => Promise<void> }) {
    const { invitations, onChanged } = props;
    const { error, busy, call } = useCall();
    const withdraw = (id: string) =>
        call(async () => {
            await api.withdraw(id);
            await onChanged();
        });
    return (
        <Box component="ul" sx={{ listStyle: 'none', p: 0, m: 0, width: '100%' }}>
            {error && <Alert severity="error">{error}</Alert>}
            {invitations.map(({ id, role, expires, label }) => {
                const who = label || shareText.access.unnamed;
                return (
                    <Box
                        key={id}
                        component="li"
                        data-testid="share-invitation"
                        sx={{ py: 0.5, display: 'flex', alignItems: 'center', gap: 1 }}
                    >
                        <Box sx={{ mr: 'auto', overflowWrap: 'anywhere' }}>
                            <Typography>{who}</Typography>
                            <Typography variant="body2" color="textSecondary">
                                {t.until(role, expires)}
                            </Typography>
                        </Box>
                        <IconButton
                            disabled={busy}
                            onClick={() => void withdraw(id)}
                            aria-label={t.withdraw(who)}
                            data-testid="share-withdraw"
                        >
                            <DeleteIcon />
                        </IconButton>
                    </Box>
                );
            })}
        </Box>
    );
}
