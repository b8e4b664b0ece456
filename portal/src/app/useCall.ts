import { useState } from 'react';
import { sentence } from './state';

/** Runs one call at a time; a sentence stays when it fails. */
export function useCall(explain: (e: unknown) => string = sentence) {
    const [error, setError] = useState('');
    const [busy, setBusy] = useState(false);
    const call = async (act: () => Promise<unknown>) => {
        setBusy(true);
        setError('');
        try {
            await act();
        } catch (e) {
            setError(explain(e));
        } finally {
            setBusy(false);
        }
    };
    return { error, busy, call, setError };
}
