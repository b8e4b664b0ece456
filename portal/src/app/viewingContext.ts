import { createContext, useContext } from 'react';
import { useStore } from 'zustand';
import type { SettingsState } from '../core/settings';
import type { Viewing, ViewState } from './viewing';

export const ViewingContext = createContext<Viewing | null>(null);

export function useViewing(): Viewing {
    return useContext(ViewingContext)!;
}

export function useView<T>(select: (state: ViewState) => T): T {
    return useStore(useViewing().state, select);
}

export function useSettings<T>(select: (state: SettingsState) => T): T {
    return useStore(useViewing().settings.state, select);
}
