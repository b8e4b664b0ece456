import Box from '@mui/material/Box';
import CircularProgress from '@mui/material/CircularProgress';
import { lazy, Suspense } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { Home } from './Home';
import { useAuth } from './state';
import { text } from './text/text';

const Account = lazy(() => import('./Account'));
const Enrol = lazy(() => import('./Enrol'));
const Recover = lazy(() => import('./Recover'));
const Redeem = lazy(() => import('./Redeem'));
const Return = lazy(() => import('./Return'));
const Scans = lazy(() => import('./Scans'));
const Upload = lazy(() => import('./Upload'));
const View = lazy(() => import('./View'));

/** Pages of a link stand alone; the others are behind signing in. */
export function App() {
    const signedIn = useAuth((a) => a.signedIn);
    return (
        <Suspense fallback={<Waiting />}>
            <Switch>
                <Route path="/enrol">
                    <Enrol />
                </Route>
                <Route path="/recover">
                    <Recover />
                </Route>
                <Route path="/invitation/:id">{({ id }) => <Redeem key={id} id={id} />}</Route>
                {!signedIn && (
                    <Route path="/sign-in">
                        <Return />
                    </Route>
                )}
                {!signedIn && (
                    <Route>
                        <Home />
                    </Route>
                )}
                <Route path="/scans">
                    <Scans />
                </Route>
                <Route path="/upload">
                    <Upload />
                </Route>
                <Route path="/account">
                    <Account />
                </Route>
                <Route path="/scans/:id">{({ id }) => <View key={id} scan={id} />}</Route>
                <Route>
                    <Redirect to="/scans" replace />
                </Route>
            </Switch>
        </Suspense>
    );
}

function Waiting() {
    return (
        <Box role="status" sx={{ display: 'grid', placeItems: 'center', minHeight: '100dvh' }}>
            <CircularProgress aria-label={text.loading} />
        </Box>
    );
}
