import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import TextField from '@mui/material/TextField';
import { useRef, useState } from 'react';
import { text } from './text/text';

/** Something to take along: read, select or copy. */
export function CopyField(props: { label: string; value: string; testId: string }) {
    const { label, value, testId } = props;
    const [copied, setCopied] = useState(false);
    const input = useRef<HTMLTextAreaElement>(null);
    const copy = () =>
        navigator.clipboard.writeText(value).then(
            () => setCopied(true),
            /* Not allowed here: selected, for the person's own copying. */
            () => input.current?.select(),
        );
    return (
        <Box
            sx={{
                display: 'flex',
                flexDirection: { xs: 'column', sm: 'row' },
                gap: 1,
                alignItems: { xs: 'start', sm: 'center' },
                width: '100%',
            }}
        >
            <TextField
                fullWidth
                multiline
                label={label}
                value={value}
                inputRef={input}
                onFocus={(e) => e.target.select()}
                slotProps={{
                    htmlInput: { readOnly: true, 'data-testid': testId },
                    input: {
                        sx: { fontFamily: 'ui-monospace, monospace', overflowWrap: 'anywhere' },
                    },
                }}
            />
            <Button variant="contained" onClick={() => void copy()} aria-live="polite">
                {copied ? text.copied : text.copy}
            </Button>
        </Box>
    );
}
