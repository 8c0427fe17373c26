import jsxA11y from 'eslint-plugin-jsx-a11y';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['core/static/**', 'node_modules/**', '.venv/**', 'instance/**', 'build/**', 'dist/**', 'docs/**', 'tests/**'] },
  {
    files: ['ui/**/*.{ts,tsx}', 'plugins/*/ui/**/*.{ts,tsx}', 'vite.config.ts'],
    extends: [tseslint.configs.recommended, jsxA11y.flatConfigs.recommended, reactHooks.configs.flat['recommended-latest']],
    rules: {
      eqeqeq: 'error',
      'no-console': ['error', { allow: ['error', 'warn'] }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: '@livekit/components-react/prefabs', message: 'Prefabs have no place for a plugin and fail axe.' },
            { name: '@livekit/components-core', message: 'Take it from @livekit/components-react.' },
          ],
        },
      ],
      // The page moves focus on purpose: into a dialog, to the field that is asked for.
      'jsx-a11y/no-autofocus': 'off',
    },
  },
  {
    files: ['plugins/*/ui/**/*.{ts,tsx}'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['**/ui/room/*', '../../*'], message: 'Plugins import @audimax/room, @audimax/page and @audimax/kit only.' }] },
      ],
    },
  },
);
