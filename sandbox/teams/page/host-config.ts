import { HostConfig } from 'adaptivecards'

/** The sizes and colours of cards in Teams. Colours are CSS variables of the page, so light and dark need no second rendering. */

const FOREGROUND = {
  default: colour('ink', 'quiet'),
  dark: colour('ink', 'quiet'),
  light: colour('quiet', 'quiet'),
  accent: colour('accent-ink', 'accent-ink'),
  attention: colour('bad', 'bad'),
  good: colour('good', 'good'),
  warning: colour('warn', 'warn'),
}

export const hostConfig = new HostConfig({
  supportsInteractivity: true,
  fontFamily: 'inherit',
  spacing: { small: 8, default: 12, medium: 16, large: 20, extraLarge: 24, padding: 16 },
  separator: { lineThickness: 1, lineColor: 'var(--line)' },
  fontTypes: {
    default: {
      fontFamily: 'inherit',
      fontSizes: { small: 12, default: 14, medium: 14, large: 18, extraLarge: 24 },
      fontWeights: { lighter: 300, default: 400, bolder: 600 },
    },
    monospace: {
      fontFamily: 'ui-monospace, Consolas, monospace',
      fontSizes: { small: 12, default: 13, medium: 14, large: 18, extraLarge: 24 },
      fontWeights: { lighter: 300, default: 400, bolder: 600 },
    },
  },
  imageSizes: { small: 32, medium: 52, large: 100 },
  containerStyles: {
    default: container('card'),
    emphasis: container('emphasis'),
    accent: container('accent-ground'),
    good: container('good-ground'),
    attention: container('bad-ground'),
    warning: container('warn-ground'),
  },
  actions: {
    maxActions: 6,
    spacing: 'default',
    buttonSpacing: 8,
    showCard: { actionMode: 'inline', inlineTopMargin: 12, style: 'emphasis' },
    actionsOrientation: 'horizontal',
    actionAlignment: 'left',
  },
  inputs: {
    label: {
      inputSpacing: 'small',
      requiredInputs: { weight: 'bolder', color: 'default', suffix: ' *', suffixColor: 'attention' },
      optionalInputs: { weight: 'bolder', color: 'default' },
    },
    errorMessage: { color: 'attention', spacing: 'small', weight: 'default' },
  },
  adaptiveCard: { allowCustomStyle: false },
  textBlock: { headingLevel: 3 },
  imageSet: { imageSize: 'medium', maxImageHeight: 100 },
  factSet: {
    title: { color: 'default', weight: 'bolder', wrap: true, maxWidth: 150 },
    value: { color: 'default', wrap: true },
    spacing: 16,
  },
  textStyles: { heading: { size: 'large', weight: 'bolder', color: 'default', isSubtle: false, fontType: 'default' } },
})

function container(ground: string): object {
  return { backgroundColor: `var(--${ground})`, foregroundColors: FOREGROUND }
}

function colour(strong: string, subtle: string): object {
  return {
    default: `var(--${strong})`,
    subtle: `var(--${subtle})`,
    highlightColors: { default: 'var(--emphasis)', subtle: 'var(--emphasis)' },
  }
}
