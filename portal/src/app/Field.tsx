import FormControl from '@mui/material/FormControl';
import InputLabel from '@mui/material/InputLabel';
import OutlinedInput from '@mui/material/OutlinedInput';
import { useId } from 'react';

interface Props {
    label: string;
    value: string;
    onChange: (value: string) => void;
    testId: string;
    type?: string;
    autoComplete?: string;
    size?: 'small' | 'medium';
    /** Id of what explains it. */
    describedBy?: string;
    autoFocus?: boolean;
}

/** One line of text. MUI's TextField would bring menus along. */
export function Field({
    label,
    value,
    onChange,
    testId,
    type,
    autoComplete,
    size,
    ...rest
}: Props) {
    const id = useId();
    return (
        <FormControl fullWidth {...(size ? { size } : {})}>
            <InputLabel htmlFor={id}>{label}</InputLabel>
            <OutlinedInput
                id={id}
                label={label}
                type={type ?? 'text'}
                value={value}
                onChange={(e) => onChange(e.target.value)}
                autoComplete={autoComplete ?? 'off'}
                autoFocus={rest.autoFocus ?? false}
                inputProps={{
                    'aria-describedby': rest.describedBy,
                    'data-testid': testId,
                    maxLength: 200,
                    autoCapitalize: 'none',
                    spellCheck: false,
                }}
            />
        </FormControl>
    );
}
