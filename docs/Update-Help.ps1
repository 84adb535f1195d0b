#requires -Version 7.6
<#
.SYNOPSIS
    Brings the cmdlets' help up to date with the built module: one source, docs/en-US/<Cmdlet>.md.
.DESCRIPTION
    People write the prose of docs/en-US/<Cmdlet>.md. What the module itself knows (syntax, types, aliases, positions, pipeline binding) this script writes
    between it, and from both the help file that Get-Help reads, module/en-US/ModelOps.PowerShell.dll-Help.xml, which the build copies beside the module.
    Run it after `dotnet build` when a cmdlet or its page has changed; a test compares the committed files with what it writes.
.EXAMPLE
    ./docs/Update-Help.ps1
.EXAMPLE
    ./docs/Update-Help.ps1 -Destination /tmp/help
    Writes to another folder (en-US/*.md and ModelOps.PowerShell.dll-Help.xml), for a comparison.
#>
[CmdletBinding()]
param(
    [string] $Destination
)
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 3

$root = Split-Path $PSScriptRoot
$pages = if ($Destination) { Join-Path $Destination 'en-US' } else { Join-Path $PSScriptRoot 'en-US' }
$xmlPath = Join-Path ($Destination ? $Destination : (Join-Path $root 'module' 'en-US')) 'ModelOps.PowerShell.dll-Help.xml'
$null = New-Item -ItemType Directory -Force $pages, (Split-Path $xmlPath)
Import-Module (Join-Path $root 'ModelOps.psd1')

$common = [System.Management.Automation.PSCmdlet]::CommonParameters + [System.Management.Automation.PSCmdlet]::OptionalCommonParameters
$maml = 'http://schemas.microsoft.com/maml/2004/10'
$command = 'http://schemas.microsoft.com/maml/dev/command/2004/10'
$dev = 'http://schemas.microsoft.com/maml/dev/2004/10'

# Sections of a page by heading: '## X' -> lines; the generated blocks (yaml, syntax) are left out.
function Read-Page([string] $Path) {
    $page = [ordered]@{}
    $section = ''
    $subsection = ''
    foreach ($line in [System.IO.File]::ReadAllLines($Path)) {
        if ($line -match '^## (.+)$') { $section = $Matches[1]; $subsection = ''; $page[$section] = [ordered]@{ '' = [System.Collections.Generic.List[string]]::new() } }
        elseif ($section -and $line -match '^### (.+)$') { $subsection = $Matches[1]; $page[$section][$subsection] = [System.Collections.Generic.List[string]]::new() }
        elseif ($section) { $page[$section][$subsection].Add($line) }
    }
    $page
}

function Get-Prose([System.Collections.Generic.List[string]] $Lines) {
    (($Lines -join "`n") -replace '(?s)```yaml.*?```', '').Trim()
}

function Get-TypeName([type] $Type) {
    $under = [Nullable]::GetUnderlyingType($Type)
    if ($under) { return Get-TypeName $under }
    if ($Type.IsArray) { return (Get-TypeName $Type.GetElementType()) + '[]' }
    $Type.FullName -replace '^System\.(Management\.Automation\.)?(?=[^.]+$)', ''
}

function Get-Pipeline($Parameter) {
    $ways = @(
        if ($Parameter.ValueFromPipeline) { 'ByValue' }
        if ($Parameter.ValueFromPipelineByPropertyName) { 'ByPropertyName' }
    )
    if ($ways) { "True ($($ways -join ', '))" } else { 'False' }
}

# One entry for each parameter, with the sets it belongs to.
function Get-Fact($Info) {
    foreach ($name in $Info.Parameters.Keys.Where{ $_ -notin $common }) {
        $metadata = $Info.Parameters[$name]
        $inSets = @($Info.ParameterSets.Where{ $_.Parameters.Name -contains $name })
        $first = $inSets[0].Parameters.Where{ $_.Name -eq $name }[0]
        $choices = $metadata.Attributes.Where{ $_ -is [System.Management.Automation.ValidateSetAttribute] }.ForEach{ $_.ValidValues }
        if (-not $choices -and $metadata.ParameterType.IsEnum -and [enum]::GetNames($metadata.ParameterType).Count -le 8) { $choices = [enum]::GetNames($metadata.ParameterType) }
        [pscustomobject]@{
            Name = $name
            Type = Get-TypeName $metadata.ParameterType
            IsSwitch = $metadata.SwitchParameter
            Sets = @($inSets.Count -eq $Info.ParameterSets.Count ? '(All)' : $inSets.Name)
            Aliases = @($metadata.Aliases)
            Choices = @($choices)
            Required = $first.IsMandatory
            Position = $first.Position -ge 0 ? $first.Position : 'Named'
            Pipeline = Get-Pipeline $first
            Wildcards = [bool]$metadata.Attributes.Where{ $_ -is [System.Management.Automation.SupportsWildcardsAttribute] }
            Remaining = $first.ValueFromRemainingArguments
        }
    }
}

function Add-Element([System.Xml.XmlElement] $Parent, [string] $Namespace, [string] $Name, [string] $Text) {
    $prefix = @{ $maml = 'maml'; $command = 'command'; $dev = 'dev' }[$Namespace]
    $element = $Parent.OwnerDocument.CreateElement($prefix, $Name, $Namespace)
    if ($Text) { $element.InnerText = $Text }
    $Parent.AppendChild($element)
}

function Add-Paragraphs([System.Xml.XmlElement] $Parent, [string] $Text) {
    foreach ($paragraph in $Text -split '\n\s*\n') { $null = Add-Element $Parent $maml 'para' ($paragraph -replace '\n', ' ' -replace '`', '') }
}

function Add-Parameter([System.Xml.XmlElement] $Parent, $Fact, [string] $Prose, [bool] $Required, $Position) {
    $element = Add-Element $Parent $command 'parameter'
    $element.SetAttribute('required', "$Required".ToLowerInvariant())
    $element.SetAttribute('variableLength', "$($Fact.Type.EndsWith('[]'))".ToLowerInvariant())
    $element.SetAttribute('globbing', "$($Fact.Wildcards)".ToLowerInvariant())
    $element.SetAttribute('pipelineInput', $Fact.Pipeline)
    $element.SetAttribute('position', "$Position".ToLowerInvariant())
    $element.SetAttribute('aliases', ($Fact.Aliases ? $Fact.Aliases -join ', ' : 'none'))
    $null = Add-Element $element $maml 'name' $Fact.Name
    Add-Paragraphs (Add-Element $element $maml 'description') $Prose
    if ($Fact.Choices) {
        $group = Add-Element $element $command 'parameterValueGroup'
        foreach ($choice in $Fact.Choices) { (Add-Element $group $command 'parameterValue' $choice).SetAttribute('required', 'false') }
    }
    if (-not $Fact.IsSwitch) {
        $value = Add-Element $element $command 'parameterValue' $Fact.Type
        $value.SetAttribute('required', 'true')
        $value.SetAttribute('variableLength', 'false')
    }
    $null = Add-Element (Add-Element $element $dev 'type') $maml 'name' $Fact.Type
}

$document = [System.Xml.XmlDocument]::new()
$null = $document.AppendChild($document.CreateXmlDeclaration('1.0', 'utf-8', $null))
$null = $document.AppendChild($document.CreateComment(' Written by docs/Update-Help.ps1 from docs/en-US/*.md: edit those. '))
$items = $document.CreateElement('helpItems', 'http://msh')
$items.SetAttribute('schema', 'maml')
$items.SetAttribute('xmlns:maml', $maml)
$items.SetAttribute('xmlns:command', $command)
$items.SetAttribute('xmlns:dev', $dev)
$null = $document.AppendChild($items)

foreach ($info in Get-Command -Module ModelOps | Sort-Object Name) {
    $source = Join-Path $PSScriptRoot 'en-US' "$($info.Name).md"
    $page = Read-Page $source
    $facts = @(Get-Fact $info)
    $names = @($facts.ForEach{ $_.Name })
    $missing = $names.Where{ -not $page['PARAMETERS'].Contains("-$_") -and $_ -notin 'WhatIf', 'Confirm' }
    $extra = @($page['PARAMETERS'].Keys.Where{ $_ -and $_.TrimStart('-') -notin $names })
    if ($missing -or $extra) { throw "$source does not describe the cmdlet's parameters. Missing: $($missing -join ', '). Unknown: $($extra -join ', ')." }
    $prose = @{ WhatIf = 'Print the plan that would be followed, and do nothing.'; Confirm = 'Ask before the plan is followed.' }
    foreach ($fact in $facts.Where{ $_.Name -notin 'WhatIf', 'Confirm' }) { $prose[$fact.Name] = Get-Prose $page['PARAMETERS']["-$($fact.Name)"] }
    $ordered = @($page['PARAMETERS'].Keys.Where{ $_ }.ForEach{ $name = $_.TrimStart('-'); $facts.Where{ $_.Name -eq $name } }) + @($facts.Where{ -not $page['PARAMETERS'].Contains("-$($_.Name)") })

    # The page, with the facts filled in.
    $text = [System.Text.StringBuilder]::new()
    $null = $text.Append("---`nexternal help file: ModelOps.PowerShell.dll-Help.xml`nModule Name: ModelOps`nschema: 2.0.0`n---`n`n# $($info.Name)`n`n## SYNOPSIS`n$(Get-Prose $page['SYNOPSIS'][''])`n`n## SYNTAX`n")
    foreach ($set in $info.ParameterSets) {
        $heading = $info.ParameterSets.Count -eq 1 ? '' : "### $($set.Name)$($set.IsDefault ? ' (Default)' : '')`n"
        $null = $text.Append("`n$heading``````powershell`n$($info.Name) $($set.ToString())`n```````n")
    }
    $null = $text.Append("`n## DESCRIPTION`n$(Get-Prose $page['DESCRIPTION'][''])`n`n## EXAMPLES`n")
    foreach ($title in $page['EXAMPLES'].Keys.Where{ $_ }) { $null = $text.Append("`n### $title`n$(Get-Prose $page['EXAMPLES'][$title])`n") }
    $null = $text.Append("`n## PARAMETERS`n")
    foreach ($fact in $ordered.Where{ $_.Name -notin 'WhatIf', 'Confirm' }) {
        $null = $text.Append("`n### -$($fact.Name)`n$($prose[$fact.Name])`n`n``````yaml`nType: $($fact.IsSwitch ? 'SwitchParameter' : $fact.Type)`nParameter Sets: $($fact.Sets -join ', ')`n")
        $null = $text.Append("Aliases: $($fact.Aliases ? $fact.Aliases -join ', ' : 'none')`nRequired: $($fact.Required)`nPosition: $($fact.Position)`nAccept pipeline input: $($fact.Pipeline)`nAccept wildcard characters: $($fact.Wildcards)`n")
        if ($fact.Choices) { $null = $text.Append("Accepted values: $($fact.Choices -join ', ')`n") }
        $null = $text.Append("```````n")
    }
    $null = $text.Append("`n## INPUTS`n`n$(Get-Prose $page['INPUTS'][''])`n`n## OUTPUTS`n`n$(Get-Prose $page['OUTPUTS'][''])`n")
    [System.IO.File]::WriteAllText((Join-Path $pages "$($info.Name).md"), $text.ToString())

    # The same as XML.
    $entry = Add-Element $items $command 'command'
    $details = Add-Element $entry $command 'details'
    $null = Add-Element $details $command 'name' $info.Name
    $null = Add-Element $details $command 'verb' $info.Verb
    $null = Add-Element $details $command 'noun' $info.Noun
    Add-Paragraphs (Add-Element $details $maml 'description') (Get-Prose $page['SYNOPSIS'][''])
    Add-Paragraphs (Add-Element $entry $maml 'description') (Get-Prose $page['DESCRIPTION'][''])
    $syntax = Add-Element $entry $command 'syntax'
    foreach ($set in $info.ParameterSets) {
        $item = Add-Element $syntax $command 'syntaxItem'
        $null = Add-Element $item $maml 'name' $info.Name
        foreach ($parameter in $set.Parameters.Where{ $_.Name -notin $common } | Sort-Object { $_.Position -lt 0 }, Position, { -not $_.IsMandatory } -Stable) {
            $fact = $facts.Where{ $_.Name -eq $parameter.Name }[0]
            Add-Parameter $item $fact $prose[$fact.Name] $parameter.IsMandatory ($parameter.Position -ge 0 ? $parameter.Position : 'named')
        }
    }
    $list = Add-Element $entry $command 'parameters'
    foreach ($fact in $ordered) { Add-Parameter $list $fact $prose[$fact.Name] $fact.Required $fact.Position }
    Add-Paragraphs (Add-Element (Add-Element (Add-Element $entry $command 'inputTypes') $command 'inputType') $maml 'description') (Get-Prose $page['INPUTS'][''])
    Add-Paragraphs (Add-Element (Add-Element (Add-Element $entry $command 'returnValues') $command 'returnValue') $maml 'description') (Get-Prose $page['OUTPUTS'][''])
    $examples = Add-Element $entry $command 'examples'
    foreach ($title in $page['EXAMPLES'].Keys.Where{ $_ }) {
        $body = Get-Prose $page['EXAMPLES'][$title]
        if ($body -notmatch '(?s)^```powershell\n(?<code>.*?)\n```\n\s*(?<remarks>.*)$') { throw "${source}: '$title' must be a powershell block and a text." }
        $example = Add-Element $examples $command 'example'
        $null = Add-Element $example $maml 'title' $title
        $null = Add-Element $example $dev 'code' $Matches.code
        Add-Paragraphs (Add-Element $example $dev 'remarks') $Matches.remarks
    }
}

$settings = [System.Xml.XmlWriterSettings]@{ Indent = $true; NewLineChars = "`n"; Encoding = [System.Text.UTF8Encoding]::new($false) }
$writer = [System.Xml.XmlWriter]::Create($xmlPath, $settings)
try { $document.Save($writer) } finally { $writer.Dispose() }
[System.IO.File]::AppendAllText($xmlPath, "`n")
