# Machines other than this one: built in, in files, through remoting, from the inventory script.

BeforeAll {
    . "$PSScriptRoot/Common.ps1"
    $folder = New-TestFolder
    Push-Location $folder
    $model = Join-Path $Golden 'llama/official.f16.gguf'
}

AfterAll {
    Pop-Location
    Remove-Item $folder -Recurse -Force
}

Describe 'Reference machines' {
    It 'gives them by pattern, as machines' {
        $machines = Get-ModelHardware -Reference 'rtx-*', cpu-16
        $machines | Should -BeOfType ModelOps.Machine
        $machines.Name | Should -Contain 'rtx-4090-24'
        $machines[-1].Name | Should -BeExactly 'cpu-16'
        ($machines | Where-Object Name -EQ 'rtx-4090-24').Devices[1].Family | Should -Be 'NvidiaAda'
    }

    It 'says which there are when there is none' {
        $caught = Get-WrittenError { Get-ModelHardware -Reference rtx-4090 }
        $caught.FullyQualifiedErrorId | Should -BeExactly 'InvalidArgument,ModelOps.PowerShell.Commands.GetModelHardwareCommand'
        $caught.ErrorDetails.RecommendedAction | Should -BeLike '*rtx-4090-24*Get-ModelHardware -Reference*'
    }

    It 'completes their names' {
        $line = 'Test-ModelFit x -Machine ref:mac-m3'
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -BeExactly 'ref:mac-m3-ultra-96'
        $line = 'Get-ModelHardware -Reference cpu-6'
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -BeExactly 'cpu-64'
    }
}

Describe 'Test-ModelFit for a fleet' {
    It 'answers for every machine of every file and goes on after a bad one' {
        foreach ($machine in Get-ModelHardware -Reference 'cpu-*') { $machine | ConvertTo-Json -Depth 4 | Set-Content "fleet-$($machine.Name).json" }
        Get-ModelHardware -Reference 'mac-m4-16', 'mac-m4-24' | ConvertTo-Json -Depth 4 | Set-Content fleet-list.json
        '{' | Set-Content fleet-broken.json
        $fits = Test-ModelFit $model -Machine fleet-*.json, nowhere.json, ref:rtx-3060-12 -ErrorVariable caught -ErrorAction SilentlyContinue
        $fits.Machine | Sort-Object | Should -BeExactly @('cpu-16', 'cpu-32', 'cpu-64', 'mac-m4-16', 'mac-m4-24', 'rtx-3060-12')
        $fits.Fits | Should -Not -Contain $false
        $written = @($caught | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] })
        $written.FullyQualifiedErrorId -replace ',.*' | Sort-Object | Should -BeExactly @('FileNotFound', 'InvalidArgument')
    }

    It 'takes machines from the pipeline' {
        (Get-ModelHardware -Reference 'cpu-*' | Test-ModelFit $model).Machine | Should -BeExactly @('cpu-16', 'cpu-32', 'cpu-64')
        (Get-ModelHardware | Test-ModelFit $model).Machine | Should -BeExactly ([Environment]::MachineName)
    }

    It 'still takes models from the pipeline' {
        ($model | Test-ModelFit).Path | Should -BeExactly $model
        (Get-Item $model | Test-ModelFit -Machine ref:cpu-*).Machine | Should -BeExactly @('cpu-16', 'cpu-32', 'cpu-64')
    }

    It 'takes machines that came through remoting or as JSON: <_>' -ForEach 'rtx-3090-2x24', 'cpu-16' {
        $machine = Get-ModelHardware -Reference $_
        $remote = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($machine, 5))
        $remote.PSTypeNames[0] | Should -BeExactly 'Deserialized.ModelOps.Machine'
        $direct = $machine | Test-ModelFit $model
        foreach ($other in $remote, ($machine | ConvertTo-Json -Depth 4 | ConvertFrom-Json)) {
            $fit = $other | Test-ModelFit $model
            $fit.Devices | ConvertTo-Json | Should -BeExactly ($direct.Devices | ConvertTo-Json)
        }
    }

    It 'gives a bool a machine with -Quiet' {
        Test-ModelFit $model -Machine ref:cpu-* -Quiet | Should -BeExactly @($true, $true, $true)
    }
}

Describe 'Get-MachineInventory.ps1' {
    BeforeAll {
        $inventory = Join-Path $Root 'docs/runbooks/Get-MachineInventory.ps1'
    }

    It 'describes this machine as Get-ModelHardware does, without ModelOps' {
        $script = & $inventory -ScriptOnly -StorePath $folder
        $module = Get-ModelHardware -Store $folder
        foreach ($name in 'SchemaVersion', 'Name', 'OperatingSystem', 'Architecture', 'Processor', 'PhysicalCores', 'LogicalProcessors') {
            $script.$name | Should -BeExactly $module.$name -Because $name
        }
        $script.Devices.Kind | Should -BeExactly @($module.Devices.Kind | ForEach-Object { "$_" })
        $script.Devices[0].TotalBytes | Should -Be $module.Devices[0].TotalBytes
        $script.Devices[0].FreeBytes | Should -BeGreaterThan 0
        $script.DiskFreeBytes | Should -BeGreaterThan 0
    }

    It 'writes a file that is a machine' {
        & $inventory -ScriptOnly -OutputPath here.json
        $fit = Test-ModelFit $model -Machine here.json
        $fit.Machine | Should -BeExactly ([Environment]::MachineName)
        $fit.Devices[0].FreeBytes | Should -BeGreaterThan 0
    }

    It 'goes through a pipeline of serialised objects' {
        $remote = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize((& $inventory -ScriptOnly), 5))
        ($remote | Test-ModelFit $model).Machine | Should -BeExactly ([Environment]::MachineName)
    }

    It 'asks ModelOps where it is installed' {
        Mock Get-Module { 'found' } -ParameterFilter { $ListAvailable }
        (& $inventory) | Should -BeOfType ModelOps.Machine
    }

    It 'is written for Windows PowerShell 5.1' {
        # What only PowerShell 7 parses: ternaries, null operators, pipeline chains.
        $tokens = $null
        $ast = [System.Management.Automation.Language.Parser]::ParseFile($inventory, [ref] $tokens, [ref] $null)
        $later = 'QuestionMark', 'QuestionQuestion', 'QuestionQuestionEquals', 'QuestionDot', 'QuestionLBracket', 'AndAnd', 'OrOr'
        $tokens | Where-Object { $_.Kind.ToString() -in $later -and -not $_.TokenFlags.HasFlag([System.Management.Automation.Language.TokenFlags]::CommandName) } | Should -BeNullOrEmpty
        $ast.FindAll({ $args[0].GetType().Name -in 'TernaryExpressionAst', 'PipelineChainAst' }, $true) | Should -BeNullOrEmpty
    }
}

Describe 'Save-FleetInventory.ps1' {
    It 'writes one file a machine of what came back' {
        # Invoke-Command itself needs hosts; what it gives back is serialised.
        Mock Invoke-Command {
            foreach ($name in 'ws1', 'ws2') {
                $machine = (Get-ModelHardware -Reference cpu-16)
                $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($machine, 5))
                $copy.Name = $name
                $copy | Add-Member PSComputerName $name -PassThru | Add-Member RunspaceId ([guid]::NewGuid()) -PassThru
            }
        }
        $files = & (Join-Path $Root 'docs/runbooks/Save-FleetInventory.ps1') -ComputerName ws1, ws2 -Path fleet
        $files.Name | Should -BeExactly @('ws1.json', 'ws2.json')
        (Test-ModelFit $model -Machine fleet/*.json).Machine | Should -BeExactly @('ws1', 'ws2')
    }
}
