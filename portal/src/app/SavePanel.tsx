import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import Typography from '@mui/material/Typography';
import { type FormEvent, useCallback, useEffect, useState } from 'react';
import type { Configuration } from '../core/api';
import { may } from '../core/roles';
import { complete, difference, type Patch } from '../core/settings';
import type { Settings } from '../generated/settings';
import { saveStream } from './download';
import { Field } from './Field';
import { DeleteIcon } from './icons';
import { api, sentence } from './state';
import { size } from './text/size';
import { viewText } from './text/view';
import { useCall } from './useCall';
import { useView, useViewing } from './viewingContext';

const t = viewText;

/** Views saved by name: everything that the controls hold. */
export function SavePanel({ scan }: { scan: string }) {
    const viewing = useViewing();
    const able = useView((v) => may(v.scan?.role, 'save'));
    const own = useView((v) => may(v.scan?.role, 'share'));
    const [list, setList] = useState<Configuration[]>([]);
    const [name, setName] = useState('');
    const [said, setSaid] = useState('');
    const [error, setError] = useState('');

    const run = useCallback(async (act: () => Promise<string>) => {
        try {
            setError('');
            setSaid(await act());
        } catch (e) {
            setError(sentence(e));
        }
    }, []);
    const reload = useCallback(async () => setList(await api.configurations(scan)), [scan]);

    useEffect(() => {
        void run(async () => {
            await reload();
            return '';
        });
    }, [run, reload]);

    const save = (event: FormEvent) => {
        event.preventDefault();
        const { settings } = viewing.settings;
        const title = name.trim();
        if (settings && title) {
            void run(async () => {
                await api.saveConfiguration(scan, title, settings);
                setName('');
                await reload();
                return t.configSaved(title);
            });
        }
    };

    const show = (c: Configuration) =>
        run(async () => {
            const { settings } = await api.configuration(c.id);
            viewing.settings.checkpoint();
            if (settings) {
                viewing.settings.change(
                    (difference(viewing.settings.settings, complete(settings)) ??
                        {}) as Patch<Settings>,
                );
            }
            return t.configShown(c.name);
        });

    const remove = (c: Configuration) =>
        run(async () => {
            await api.removeConfiguration(c.id);
            await reload();
            return '';
        });

    return (
        <Box component="section" aria-label={t.configurations} sx={{ display: 'grid', gap: 1.5 }}>
            <Typography variant="h2" sx={{ display: { xs: 'none', md: 'block' } }}>
                {t.configurations}
            </Typography>
            {able && (
                <Box component="form" onSubmit={save} sx={{ display: 'flex', gap: 1 }}>
                    <Field
                        size="small"
                        label={t.configName}
                        value={name}
                        onChange={setName}
                        testId="config-name"
                    />
                    <Button
                        type="submit"
                        variant="contained"
                        disabled={!name.trim()}
                        data-testid="config-save"
                        sx={{ whiteSpace: 'nowrap' }}
                    >
                        {t.configSave}
                    </Button>
                </Box>
            )}
            {error && <Alert severity="error">{error}</Alert>}
            <Typography role="status" variant="body2" color="textSecondary">
                {said || (list.length === 0 ? (able ? t.configNone : t.configNoneToSee) : '')}
            </Typography>
            <Box component="ul" sx={{ listStyle: 'none', p: 0, m: 0 }}>
                {list.map((c) => (
                    <Box
                        key={c.id}
                        component="li"
                        data-testid="config-item"
                        sx={{ display: 'flex', alignItems: 'center', gap: 1 }}
                    >
                        <Button
                            onClick={() => void show(c)}
                            data-testid="config-load"
                            aria-label={t.configLoad(c.name)}
                            color="inherit"
                            sx={{ flexGrow: 1, justifyContent: 'start', overflowWrap: 'anywhere' }}
                        >
                            {c.name}
                        </Button>
                        {able && (
                            <IconButton
                                onClick={() => void remove(c)}
                                aria-label={t.configRemove(c.name)}
                                data-testid="config-delete"
                            >
                                <DeleteIcon />
                            </IconButton>
                        )}
                    </Box>
                ))}
            </Box>
            {own && <Volume scan={scan} />}
        </Box>
    );
}

/** The voxels themselves, for other programs. */
function Volume({ scan }: { scan: string }) {
    const [got, setGot] = useState(0);
    const { error, busy, call } = useCall();
    const save = () =>
        call(async () => {
            setGot(0);
            await saveStream(() => api.exportScan(scan), 'scan.nii.gz', setGot);
        });
    return (
        <Box sx={{ display: 'grid', gap: 1, justifyItems: 'start' }}>
            {error && <Alert severity="error">{error}</Alert>}
            <Button
                variant="outlined"
                disabled={busy}
                onClick={() => void save()}
                data-testid="volume-save"
            >
                {busy ? t.volumeSaving(size(got)) : t.volumeSave}
            </Button>
            <Typography variant="body2" color="textSecondary">
                {t.volumeHelp}
            </Typography>
        </Box>
    );
}
