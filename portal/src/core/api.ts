/* What can be asked of the server, by name. */

import type { Volume } from '../generated/messages';
import type { Settings } from '../generated/settings';
import { ApiError, Rest, type Token } from './rest';
import type { Role } from './roles';

export interface Scan {
    id: string;
    title: string;
    state: 'importing' | 'ready' | 'failed';
    role: Role;
    /** Of a permission that ends: RFC 3339. */
    expires?: string;
    /** YYYY-MM-DD */
    created: string;
    bytes: number;
    revision: number;
    progress?: { stage: string; fraction: number };
    failure?: { code: string; detail: string };
    volume?: Volume;
    warnings?: Array<{ code: string; detail: string }>;
}

export interface Configuration {
    id: string;
    scan: string;
    name: string;
    revision: number;
    settings?: Settings;
}

export interface User {
    id: string;
    used_bytes: number;
    quota_bytes: number;
}

/** Who signs people in. */
export interface Providers {
    /** The service itself, by name and password. */
    accounts: boolean;
    providers: Provider[];
}

/** An OpenID provider. */
export interface Provider {
    name: string;
    issuer: string;
    /** What access tokens are asked for. */
    audience: string;
    client_id: string;
    scope: string;
}

/** A fresh account, or one with a new password. */
export interface Enrolled extends Token {
    /** Comes this once. */
    recovery_code: string;
}

/** Somebody who may see a scan that is another's. */
export interface Permission {
    user: string;
    role: Role;
    /** What the owner calls them; '' when nothing. */
    label: string;
    /** YYYY-MM-DD */
    since: string;
    /** RFC 3339; without: until it is taken back. */
    expires?: string;
}

export interface Wish {
    role: Role;
    label?: string;
    /** When what it gives ends. */
    access_expires?: string;
}

/** A permission for whoever brings its secret first. */
export interface Invitation extends Wish {
    id: string;
    /** When the link itself ends. */
    expires: string;
}

/** Right after it was made. */
export interface FreshInvitation extends Invitation {
    /** The address in this site that redeems it; its secret comes this once. */
    link: string;
}

/** Something that was done; refused, or come to nothing. */
export interface AuditLine {
    /** RFC 3339 */
    at: string;
    verb: string;
    outcome: 'permitted' | 'refused' | 'failed';
    /** Who, of a scan's lines: as in its permissions. */
    user?: string | null;
    /** On what, of one's own lines: mostly a scan. */
    object?: string | null;
}

export class Api extends Rest {
    async signIn(name: string, password: string): Promise<void> {
        this.enter(await this.json('POST', '/accounts/login', { name, password }, ''));
    }

    providers(): Promise<Providers> {
        return this.json('GET', '/providers');
    }

    user(): Promise<User> {
        return this.json('GET', '/users/current');
    }

    async scans(): Promise<Scan[]> {
        return (await this.json<{ scans: Scan[] }>('GET', '/scans')).scans;
    }

    scan(id: string): Promise<Scan> {
        return this.json('GET', `/scans/${id}`);
    }

    rename(id: string, title: string): Promise<Scan> {
        return this.json('PATCH', `/scans/${id}`, { title });
    }

    async remove(id: string): Promise<void> {
        await this.call('DELETE', `/scans/${id}`);
    }

    /** Null while there is none. */
    async thumbnail(id: string): Promise<Blob | null> {
        try {
            return await (await this.call('GET', `/scans/${id}/thumbnail`)).blob();
        } catch (e) {
            if (e instanceof ApiError && e.status === 404) {
                return null;
            }
            throw e;
        }
    }

    async configurations(scan: string): Promise<Configuration[]> {
        const path = `/scans/${scan}/configurations`;
        return (await this.json<{ configurations: Configuration[] }>('GET', path)).configurations;
    }

    saveConfiguration(scan: string, name: string, settings: Settings): Promise<Configuration> {
        return this.json('POST', `/scans/${scan}/configurations`, { name, settings });
    }

    configuration(id: string): Promise<Configuration> {
        return this.json('GET', `/configurations/${id}`);
    }

    async removeConfiguration(id: string): Promise<void> {
        await this.call('DELETE', `/configurations/${id}`);
    }

    /** secret: of the link that whoever runs the service has made. */
    enrol(secret: string, name: string, password: string): Promise<Enrolled> {
        return this.json('POST', '/accounts/enrol', { secret, name, password }, '');
    }

    recover(name: string, code: string, password: string): Promise<Enrolled> {
        return this.json('POST', '/accounts/recover', { name, code, password }, '');
    }

    /** Tokens from before end with the old password. */
    async changePassword(old: string, password: string): Promise<void> {
        this.enter(await this.json('POST', '/accounts/password', { old, password }));
    }

    /** The one from before no longer works. */
    async newRecoveryCode(password: string): Promise<string> {
        const path = '/accounts/recovery';
        return (await this.json<Enrolled>('POST', path, { password })).recovery_code;
    }

    async removeUser(): Promise<void> {
        await this.call('DELETE', '/users/current', { confirm: true });
    }

    /** A scan's volume as NIfTI, gzipped; bit by bit. */
    exportScan(id: string): Promise<Response> {
        return this.call('GET', `/scans/${id}/export?format=nifti&gzip=true`);
    }

    /** All that is the user's, a tar that comes bit by bit. */
    exportUser(): Promise<Response> {
        return this.call('GET', '/users/current/export');
    }

    async activity(): Promise<AuditLine[]> {
        return (await this.json<{ lines: AuditLine[] }>('GET', '/users/current/audit')).lines;
    }

    /** Who did what with a scan; for its owner. */
    async scanActivity(scan: string): Promise<AuditLine[]> {
        return (await this.json<{ lines: AuditLine[] }>('GET', `/scans/${scan}/audit`)).lines;
    }

    async permissions(scan: string): Promise<Permission[]> {
        const path = `/scans/${scan}/permissions`;
        return (await this.json<{ permissions: Permission[] }>('GET', path)).permissions;
    }

    /** expires null: without an end. */
    async changePermission(
        scan: string,
        user: string,
        change: { role?: Role; expires?: string | null },
    ): Promise<void> {
        await this.call('PATCH', `/scans/${scan}/permissions/${user}`, change);
    }

    /** renew: also encrypts the scan under a new key. */
    async revoke(scan: string, user: string, renew: boolean): Promise<void> {
        const path = `/scans/${scan}/permissions/${user}`;
        await this.call('DELETE', path + (renew ? '?rotate=true' : ''));
    }

    /** Gives up what another shares. */
    async leave(scan: string): Promise<void> {
        await this.call('DELETE', `/scans/${scan}/permissions/current`);
    }

    async invitations(scan: string): Promise<Invitation[]> {
        const path = `/scans/${scan}/invitations`;
        return (await this.json<{ invitations: Invitation[] }>('GET', path)).invitations;
    }

    invite(scan: string, wish: Wish): Promise<FreshInvitation> {
        return this.json('POST', `/scans/${scan}/invitations`, wish);
    }

    async withdraw(invitation: string): Promise<void> {
        await this.call('DELETE', `/invitations/${invitation}`);
    }

    /** Returns the scan. */
    async redeem(id: string, secret: string): Promise<string> {
        const path = '/invitations/redeem';
        return (await this.json<{ scan: string }>('POST', path, { id, secret })).scan;
    }

    /** With a token of the built-in issuer, which renews it. */
    enter(token: Token): void {
        this.adopt(token, () => this.json('POST', '/accounts/renew'));
    }
}
