import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Typography from '@mui/material/Typography';
import { useId, useState } from 'react';
import { Field } from './Field';
import { accountText } from './text/account';

const t = accountText.password;

/** What lib/account.h asks of one, in bytes; more is never needed here. */
export const PASSWORD_MIN = 10;

/** A sentence, or '' when it will do. */
export const passwordFault = (password: string) =>
    new TextEncoder().encode(password).length < PASSWORD_MIN ? t.short(PASSWORD_MIN) : '';

interface Props {
    value: string;
    onChange: (value: string) => void;
}

/** One field that can be read instead of two that must agree. */
export function NewPassword({ value, onChange }: Props) {
    const [shown, setShown] = useState(false);
    const rule = useId();
    return (
        <div>
            <Box sx={{ display: 'flex', gap: 1, alignItems: 'center' }}>
                <Field
                    label={t.label}
                    type={shown ? 'text' : 'password'}
                    value={value}
                    onChange={onChange}
                    autoComplete="new-password"
                    describedBy={rule}
                    testId="new-password"
                />
                <Button onClick={() => setShown(!shown)} sx={{ whiteSpace: 'nowrap' }}>
                    {shown ? t.hide : t.show}
                </Button>
            </Box>
            <Typography id={rule} variant="body2" color="textSecondary" sx={{ mt: 0.5 }}>
                {t.rule(PASSWORD_MIN)}
            </Typography>
        </div>
    );
}
