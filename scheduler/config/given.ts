/** What a configuration file may say: everything may be absent. */
import type {
  ConfigurablePlugin,
  ExtenderConfiguration,
  PluginArgs,
  Plugins,
  Profile,
  SchedulerConfiguration,
} from './types.js';

/** The same with every field optional, at every depth. */
export type Given<T> = T extends readonly (infer Item)[]
  ? readonly Given<Item>[]
  : T extends object
    ? { readonly [Field in keyof T]?: Given<T[Field]> }
    : T;

export type GivenPluginConfig = {
  readonly [Name in ConfigurablePlugin]: {
    readonly name: Name;
    readonly args: Given<PluginArgs[Name]>;
  };
}[ConfigurablePlugin];

export interface GivenProfile extends Given<Omit<Profile, 'pluginConfig'>> {
  readonly pluginConfig?: readonly GivenPluginConfig[];
}

export type GivenPlugins = Given<Plugins>;
export type GivenExtender = Given<ExtenderConfiguration>;

export interface GivenConfiguration extends Given<Omit<SchedulerConfiguration, 'profiles'>> {
  readonly profiles?: readonly GivenProfile[];
}
