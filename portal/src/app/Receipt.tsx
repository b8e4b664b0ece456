import Accordion from '@mui/material/Accordion';
import AccordionDetails from '@mui/material/AccordionDetails';
import AccordionSummary from '@mui/material/AccordionSummary';
import Button from '@mui/material/Button';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableContainer from '@mui/material/TableContainer';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import Typography from '@mui/material/Typography';
import type { Receipt as ReceiptData, ReceiptLine } from '../core/deidentify';
import { saveAs } from './download';
import { MoreIcon } from './icons';
import { text } from './text';

const t = text.upload.receipt;

/** What is kept, replaced and removed, with the values of the first file. */
export function Receipt({ receipt }: { receipt: ReceiptData }) {
    const lines = receipt.lines();
    const count = (...fates: ReceiptLine['fate'][]) =>
        lines.filter((l) => fates.includes(l.fate)).length;
    const save = () => {
        const body = JSON.stringify({ files: receipt.files, fields: lines }, null, 2);
        saveAs(new Blob([body], { type: 'application/json' }), 'de-identification.json');
    };
    return (
        <Accordion variant="outlined" disableGutters>
            <AccordionSummary expandIcon={<MoreIcon />}>
                <div>
                    <Typography variant="h3" component="span">
                        {t.title}
                    </Typography>
                    <Typography variant="body2" color="textSecondary">
                        {t.summary(
                            count('kept'),
                            count('replaced', 'emptied', 'added'),
                            count('removed'),
                        )}
                    </Typography>
                </div>
            </AccordionSummary>
            <AccordionDetails>
                <Typography variant="body2" sx={{ mb: 1 }}>
                    {t.lead}
                </Typography>
                <TableContainer sx={{ maxHeight: 360 }} tabIndex={0}>
                    <Table size="small" stickyHeader>
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
            </AccordionDetails>
        </Accordion>
    );
}

function Line({ line }: { line: ReceiptLine }) {
    const after =
        line.fate === 'removed' ? t.nothing : line.fate === 'kept' ? t.same : line.after || '–';
    return (
        <TableRow>
            <TableCell>
                {line.name || (line.tag ? '' : `${t.private} (${line.count})`)}{' '}
                <Typography component="span" variant="caption" color="textSecondary">
                    {line.tag}
                </Typography>
            </TableCell>
            <TableCell sx={{ wordBreak: 'break-word' }}>{line.before || '–'}</TableCell>
            <TableCell
                sx={{
                    wordBreak: 'break-word',
                    color: line.fate === 'removed' ? 'primary.main' : undefined,
                }}
            >
                {after}
            </TableCell>
        </TableRow>
    );
}
