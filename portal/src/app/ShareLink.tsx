import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Typography from '@mui/material/Typography';
import { type FormEvent, useId, useState } from 'react';
import type { FreshInvitation } from '../core/api';
import type { Role } from '../core/roles';
import { endAfter, TERMS_DAYS, type TermDays } from '../core/share';
import { Choice } from './Choice';
import { CopyField } from './CopyField';
import { Field } from './Field';
import { QrCode } from './QrCode';
import { api } from './state';
import { shareText } from './text/share';
import { useCall } from './useCall';

const t = shareText.make;
const terms = TERMS_DAYS.map((days) => [days, t.terms[days]] as const);

interface Props {
    scan: string;
    onChanged: () => void;
}

/** A link for one person; its secret is shown once. */
export function ShareLink({ scan, onChanged }: Props) {
    const [made, setMade] = useState<FreshInvitation | null>(null);
    const take = (invitation: FreshInvitation) => {
        setMade(invitation);
        onChanged();
    };
    return made ? (
        <Made invitation={made} onDone={() => setMade(null)} />
    ) : (
        <Make scan={scan} onMade={take} />
    );
}

function Make(props: { scan: string; onMade: (i: FreshInvitation) => void }) {
    const { scan, onMade } = props;
    const [label, setLabel] = useState('');
    const [role, setRole] = useState<Role>('viewer');
    const [term, setTerm] = useState<TermDays>(30);
    const { error, busy, call } = useCall();
    const help = useId();

    const submit = (event: FormEvent) => {
        event.preventDefault();
        void call(async () => {
            const access_expires = endAfter(term, new Date());
            const words = label.trim();
            onMade(
                await api.invite(scan, {
                    role,
                    ...(words && { label: words }),
                    ...(access_expires && { access_expires }),
                }),
            );
        });
    };
    return (
        <Box component="form" onSubmit={submit} sx={{ display: 'grid', gap: 2, width: '100%' }}>
            {error && <Alert severity="error">{error}</Alert>}
            <div>
                <Field
                    label={t.label}
                    value={label}
                    onChange={setLabel}
                    describedBy={help}
                    testId="share-label"
                />
                <Typography id={help} variant="body2" color="textSecondary" sx={{ mt: 0.5 }}>
                    {t.labelHelp}
                </Typography>
            </div>
            <Box sx={{ display: 'grid', gap: 2, gridTemplateColumns: { sm: '3fr 2fr' } }}>
                <Choice
                    label={t.role}
                    value={role}
                    options={t.roles as ReadonlyArray<readonly [Role, string]>}
                    onChange={setRole}
                    testId="share-role"
                />
                <Choice
                    label={t.term}
                    value={term}
                    options={terms}
                    onChange={setTerm}
                    testId="share-term"
                />
            </Box>
            <Typography variant="body2" color="textSecondary">
                {t.face}
            </Typography>
            <Button
                type="submit"
                variant="contained"
                disabled={busy}
                data-testid="share-make"
                sx={{ justifySelf: 'start' }}
            >
                {t.submit}
            </Button>
        </Box>
    );
}

function Made(props: { invitation: FreshInvitation; onDone: () => void }) {
    const { invitation, onDone } = props;
    const link = new URL(invitation.link, location.origin).href;
    const words = shareText.link;
    return (
        <Box sx={{ display: 'grid', gap: 2, width: '100%' }}>
            <Typography>
                {words.lead(invitation.label ?? '', invitation.role, invitation.expires)}
            </Typography>
            <CopyField label={words.label} value={link} testId="share-link" />
            <QrCode value={link} label={words.qr} />
            <Alert severity="warning">{words.once}</Alert>
            <Button
                variant="outlined"
                onClick={onDone}
                data-testid="share-done"
                sx={{ justifySelf: 'start' }}
            >
                {words.done}
            </Button>
        </Box>
    );
}
