import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableContainer from '@mui/material/TableContainer';
import TableRow from '@mui/material/TableRow';
import Typography from '@mui/material/Typography';
import { useState } from 'react';
import type { Deed } from '../core/audit';
import { activityText } from './text/activity';
import { useCall } from './useCall';

const t = activityText;

/** Lines of the audit, when they are asked for. */
export function Activity({ lead, ask }: { lead: string; ask: () => Promise<Deed[]> }) {
    const [deeds, setDeeds] = useState<Deed[] | null>(null);
    const { error, busy, call } = useCall();
    return (
        <>
            <Typography variant="body2">{lead}</Typography>
            {error && <Alert severity="error">{error}</Alert>}
            {deeds === null && (
                <Button
                    variant="outlined"
                    disabled={busy}
                    onClick={() => void call(async () => setDeeds(await ask()))}
                    data-testid="activity-show"
                >
                    {t.show}
                </Button>
            )}
            {deeds?.length === 0 && <Typography variant="body2">{t.none}</Typography>}
            {deeds !== null && deeds.length > 0 && <Deeds deeds={deeds} />}
        </>
    );
}

function Deeds({ deeds }: { deeds: Deed[] }) {
    return (
        <TableContainer sx={{ maxHeight: 360 }} tabIndex={0}>
            <Table aria-label={t.list} size="small" sx={{ '& td': { px: 1, py: 0.5 } }}>
                <TableBody>
                    {deeds.map((deed, i) => (
                        // biome-ignore lint/suspicious/noArrayIndexKey: the list stays as it came
                        <TableRow key={i} data-testid="activity-line">
                            <TableCell sx={{ whiteSpace: 'nowrap' }}>{t.when(deed.at)}</TableCell>
                            {deed.who && <TableCell>{t.who(deed.who)}</TableCell>}
                            <TableCell>{t.what(deed)}</TableCell>
                        </TableRow>
                    ))}
                </TableBody>
            </Table>
        </TableContainer>
    );
}
