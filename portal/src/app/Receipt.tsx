import Accordion from '@mui/material/Accordion';
import AccordionDetails from '@mui/material/AccordionDetails';
import AccordionSummary from '@mui/material/AccordionSummary';
import Button from '@mui/material/Button';
import LinearProgress from '@mui/material/LinearProgress';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableContainer from '@mui/material/TableContainer';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import Typography from '@mui/material/Typography';
import { useState } from 'react';
import type { Receipt as ReceiptData, ReceiptLine } from '../core/receipt';
import { saveAs } from './download';
import { MoreIcon } from './icons';
import { uploadText } from './text/upload';

const t = uploadText.receipt;

/**
 * What is kept, replaced and removed, with the values of the first file.
 * make is asked when it is opened for the first time.
 */
export function Receipt({ make }: { make: () => Promise<ReceiptData> }) {
    const [receipt, setReceipt] = useState<ReceiptData | null>(null);
    const [failed, setFailed] = useState(false);
    const open = (_: unknown, expanded: boolean) => {
        if (expanded && !receipt) {
            make().then(setReceipt, () => setFailed(true));
        }
    };
    return (
        <Accordion
            elevation={0}
            disableGutters
            onChange={open}
            sx={{ mb: -1, bgcolor: 'transparent', '&::before': { display: 'none' } }}
        >
            <AccordionSummary
                expandIcon={<MoreIcon />}
                sx={{ px: 0, minHeight: 40, borderTop: 1, borderColor: 'divider' }}
            >
                {t.title}
            </AccordionSummary>
            <AccordionDetails sx={{ px: 0 }}>
                {failed && uploadText.unreadable}
                {!failed && !receipt && <LinearProgress aria-label={t.title} />}
                {receipt && <Fields receipt={receipt} />}
            </AccordionDetails>
        </Accordion>
    );
}

function Fields({ receipt }: { receipt: ReceiptData }) {
    const lines = receipt.lines();
    const count = (...fates: ReceiptLine['fate'][]) =>
        lines.filter((l) => fates.includes(l.fate)).length;
    const save = () => {
        const body = JSON.stringify({ files: receipt.files, fields: lines }, null, 2);
        saveAs(new Blob([body], { type: 'application/json' }), 'de-identification.json');
    };
    return (
        <>
            <Typography variant="body2" sx={{ mb: 1 }}>
                {t.summary(count('kept'), count('replaced', 'emptied', 'added'), count('removed'))}{' '}
                {t.lead}
            </Typography>
            <TableContainer sx={{ maxHeight: 360 }} tabIndex={0}>
                <Table
                    size="small"
                    stickyHeader
                    sx={{
                        tableLayout: 'fixed',
                        '& td, & th': { px: 1, py: 0.5, overflowWrap: 'anywhere' },
                    }}
                >
                    <TableHead>
                        <TableRow>
                            <TableCell>{t.field}</TableCell>
                            <TableCell>{t.before}</TableCell>
                            <TableCell>{t.after}</TableCell>
                        </TableRow>
                    </TableHead>
                    <TableBody>
                        {lines.map((line) => (
                            <Line key={line.tag + line.fate} line={line} />
                        ))}
                    </TableBody>
                </Table>
            </TableContainer>
            <Button onClick={save} sx={{ mt: 1 }}>
                {t.download}
            </Button>
        </>
    );
}

function Line({ line }: { line: ReceiptLine }) {
    const after =
        line.fate === 'removed' ? t.nothing : line.fate === 'kept' ? t.same : line.after || t.empty;
    return (
        <TableRow>
            <TableCell>
                {line.name || (line.tag ? '' : `${t.private} (${line.count})`)}{' '}
                <Typography component="span" variant="caption" color="textSecondary">
                    {line.tag}
                </Typography>
            </TableCell>
            <TableCell>{line.before || '–'}</TableCell>
            <TableCell sx={{ color: line.fate === 'removed' ? 'primary.main' : undefined }}>
                {after}
            </TableCell>
        </TableRow>
    );
}
