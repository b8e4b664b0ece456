import TextField from '@mui/material/TextField';

interface Props<T extends string | number> {
    label: string;
    value: T;
    options: ReadonlyArray<readonly [T, string]>;
    onChange: (value: T) => void;
    testId: string;
    size?: 'small' | 'medium';
    disabled?: boolean;
}

/** One of a few; the device's own list, which fits every hand. */
export function Choice<T extends string | number>(props: Props<T>) {
    const { label, value, options, onChange, testId, ...rest } = props;
    return (
        <TextField
            select
            fullWidth
            label={label}
            value={value}
            onChange={(e) => {
                const chosen = options.find(([option]) => String(option) === e.target.value);
                if (chosen) {
                    onChange(chosen[0]);
                }
            }}
            slotProps={{ select: { native: true }, htmlInput: { 'data-testid': testId } }}
            {...rest}
        >
            {options.map(([option, words]) => (
                <option key={option} value={option}>
                    {words}
                </option>
            ))}
        </TextField>
    );
}
